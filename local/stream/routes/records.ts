import type { Call } from '../endpoint.ts';
import type { ActivityRecord, Added } from '../store/activities.ts';
import type { AuditEntry } from '../store/audit.ts';

/** Counts and logs what a write did. */
export function recordAdded(call: Call, { activity, created }: Added): void {
  call.count(created ? 'activitiesCreated' : 'activitiesOverwritten');
  auditActivity(call, activity, created ? 'create' : 'update');
}

export function auditActivity(call: Call, activity: ActivityRecord, action: AuditEntry['action']): void {
  const userId = String(activity.body.actor).replace(/^SU:/, '');
  call.store.audit.write({ entityType: 'activity', entityId: activity.id, action, userId });
}
