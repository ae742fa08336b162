import type { Call, Endpoint } from '../endpoint.ts';
import { fieldsError, inputError } from '../errors.ts';
import { type FeedId, isUserId } from '../feed-id.ts';
import { booleanParameter, listParameter, requireData, requireList, requireObject } from '../input.ts';
import { isSelf, nobody, requirePolicy } from '../policies.ts';
import { SIZES } from '../sizes.ts';
import { userView } from '../views.ts';

/** User objects, which activities and reactions refer to as `SU:<id>`. */
export const userEndpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/user/', resource: 'users', quota: 'addUser', handle: add },
  { method: 'GET', path: '/user/:id/', resource: 'users', quota: 'readUser', handle: read },
  { method: 'PUT', path: '/user/:id/', resource: 'users', quota: 'updateUser', handle: update },
  { method: 'DELETE', path: '/user/:id/', resource: 'users', quota: 'deleteUser', handle: remove },
  { method: 'POST', path: '/users/', resource: 'users', quota: 'addUser', handle: addMany },
  { method: 'GET', path: '/users/', resource: 'users', quota: 'readUser', handle: readMany },
  { method: 'DELETE', path: '/users/', resource: 'users', quota: 'deleteUser', handle: removeMany },
];

/** An existing user is a conflict, or with `get_or_create` the answer, unchanged. */
function add(call: Call): Record<string, unknown> {
  const { id, data } = readUser(call.body());
  requirePolicy(call.caller, isSelf(id));
  const existing = booleanParameter(call.query, 'get_or_create') ? call.store.users.find(id) : undefined;
  if (existing) return userView(existing);
  const user = call.store.users.add(id, data);
  call.count('usersCreated');
  return userView(user);
}

function readUser(value: unknown): { id: string; data: Record<string, unknown> } {
  const body = requireObject(value, 'a user');
  return { id: requireUserId(body.id), data: requireData(body.data ?? {}, 'data') };
}

function requireUserId(value: unknown): string {
  const id = typeof value === 'number' ? String(value) : value;
  if (typeof id !== 'string' || !isUserId(id)) {
    throw fieldsError({ id: ['must consist of letters, numbers, - and _'] });
  }
  return id;
}

function read(call: Call): Record<string, unknown> {
  const user = call.store.users.get(idOf(call));
  return {
    ...userView(user),
    ...(booleanParameter(call.query, 'with_follow_counts') ? followCounts(call, user.id) : {}),
  };
}

/** Only `timeline` feeds following `user` feeds count (stream-js `profile.js`). */
function followCounts({ store }: Call, userId: string): Record<string, unknown> {
  const feed = (slug: string): FeedId => ({ slug, userId });
  return {
    following_count: store.follows.count('following', feed('timeline'), ['user']),
    followers_count: store.follows.count('followers', feed('user'), ['timeline']),
  };
}

function update(call: Call): Record<string, unknown> {
  const id = idOf(call);
  requirePolicy(call.caller, isSelf(id));
  const body = requireObject(call.body(), 'the body');
  const user = call.store.users.update(id, requireData(body.data, 'data'));
  call.count('usersUpdated');
  return userView(user);
}

function remove(call: Call): Record<string, unknown> {
  const id = idOf(call);
  requirePolicy(call.caller, isSelf(id));
  call.store.users.get(id);
  call.store.users.delete(id);
  call.count('usersDeleted');
  return {};
}

/** Existing users stay as they are, unless `override` (stream-js) or `override_existing` (stream-net). */
function addMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const body = requireObject(call.body(), 'the body');
  const override = body.override ?? body.override_existing ?? false;
  if (typeof override !== 'boolean') throw inputError('override must be true or false');
  const users = requireList(body.users, 'users', SIZES.batchObjects).map(readUser);
  const created = users.map(({ id, data }) => {
    const existing = call.store.users.find(id);
    if (existing && !override) return existing;
    call.count(existing ? 'usersUpdated' : 'usersCreated');
    return existing ? call.store.users.update(id, data) : call.store.users.add(id, data);
  });
  return { created_users: created.map(userView) };
}

function readMany(call: Call): Record<string, unknown> {
  return {
    users: idsOf(call)
      .flatMap((id) => call.store.users.find(id) ?? [])
      .map(userView),
  };
}

/** Names every id asked for, present or not (stream-net `UsersBatchTests`). */
function removeMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const ids = idsOf(call);
  call.count('usersDeleted', ids.filter((id) => call.store.users.delete(id)).length);
  return { deleted_user_ids: ids };
}

function idsOf({ query }: Call): string[] {
  const ids = listParameter(query, 'ids', SIZES.batchObjects);
  if (!ids) throw inputError('ids is required');
  return ids;
}

function idOf({ params }: Call): string {
  return params.id ?? '';
}
