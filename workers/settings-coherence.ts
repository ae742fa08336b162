import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../contracts/events/event-policy.ts';
import { deadLetterQueueName } from '../contracts/shared/names.ts';
import { isKnownPort, splitHostAndPort, type SettingsFault } from '../contracts/shared/settings-fields.ts';
import { gatewayFaults } from '../gateway/config.ts';
import type { Environment, Role } from './environment.ts';

/** Which variable overrides which field of the policy of events. */
export const POLICY_VARIABLES = {
  fastAttemptTimeoutMs: 'EVENT_FAST_ATTEMPT_TIMEOUT_MS',
  attemptTimeoutMs: 'EVENT_ATTEMPT_TIMEOUT_MS',
  retryInitialMs: 'EVENT_RETRY_INITIAL_MS',
  retryMaximumMs: 'EVENT_RETRY_MAXIMUM_MS',
  lateCommitMs: 'EVENT_LATE_COMMIT_MS',
  retryBudgetMs: 'EVENT_RETRY_BUDGET_MS',
  compensationBudgetMs: 'EVENT_COMPENSATION_BUDGET_MS',
  parentWaitMs: 'EVENT_PARENT_WAIT_MS',
  parentMissing: 'EVENT_PARENT_MISSING',
  copyConfirmAttempts: 'EVENT_COPY_CONFIRM_ATTEMPTS',
  copyRounds: 'EVENT_COPY_ROUNDS',
  resumedLingerMs: 'EVENT_RESUMED_LINGER_MS',
  overtakenLingerMs: 'EVENT_OVERTAKEN_LINGER_MS',
  autoRetryDelaysMs: 'EVENT_AUTO_RETRY_DELAYS_MS',
  parkedLimitMs: 'EVENT_PARKED_LIMIT_MS',
} as const satisfies Record<keyof EventPolicy, keyof Environment>;

/** Part of the grace time the bridge may use; the rest is for running activities. */
export const BRIDGE_SHARE_OF_GRACE = 0.5;

interface Comparison {
  readonly left: keyof Environment;
  readonly must: 'be above' | 'not be below';
  readonly right: keyof Environment;
  /** Half a sentence: what comes of it otherwise. */
  readonly why: string;
  /** Only in processes with this role. */
  readonly role?: Role;
  /** How the right value is measured where it is not taken as it is. */
  readonly part?: { readonly of: string; readonly factor: number };
}

const COMPARISONS: readonly Comparison[] = [
  {
    left: 'EVENT_RETRY_MAXIMUM_MS',
    must: 'not be below',
    right: 'EVENT_RETRY_INITIAL_MS',
    why: 'pauses only grow',
  },
  {
    left: 'EVENT_ATTEMPT_TIMEOUT_MS',
    must: 'be above',
    right: 'STREAM_TIMEOUT_MS',
    why: 'attempts would end before their calls do',
  },
  {
    left: 'EVENT_ATTEMPT_TIMEOUT_MS',
    must: 'not be below',
    right: 'EVENT_FAST_ATTEMPT_TIMEOUT_MS',
    why: 'a later attempt has more time, not less',
  },
  {
    left: 'EVENT_RETRY_BUDGET_MS',
    must: 'not be below',
    right: 'EVENT_ATTEMPT_TIMEOUT_MS',
    why: 'not even one attempt would have its time',
  },
  {
    left: 'EVENT_COMPENSATION_BUDGET_MS',
    must: 'not be below',
    right: 'EVENT_ATTEMPT_TIMEOUT_MS',
    why: 'not even one attempt would have its time',
  },
  {
    left: 'BRIDGE_VISIBILITY_TIMEOUT_SECONDS',
    must: 'not be below',
    right: 'BRIDGE_LONG_POLL_SECONDS',
    why: 'a message whose answer is held up for as long as a poll lasts would be handed out twice',
    role: 'bridge',
  },
  {
    left: 'BRIDGE_VISIBILITY_TIMEOUT_SECONDS',
    must: 'not be below',
    right: 'SHUTDOWN_GRACE_MS',
    why: 'what the bridge finishes at its stop must stay hidden also when SQS can no longer be asked',
    role: 'bridge',
    part: { of: 'half of ', factor: BRIDGE_SHARE_OF_GRACE / 1_000 },
  },
  {
    left: 'WORKER_MAX_CACHED_WORKFLOWS',
    must: 'not be below',
    right: 'WORKER_WORKFLOW_TASK_SLOTS',
    why: 'a workflow with a task in a slot is kept in memory',
    role: 'events',
  },
  {
    left: 'SESSIONS_MAX_CACHED_WORKFLOWS',
    must: 'not be below',
    right: 'WORKER_WORKFLOW_TASK_SLOTS',
    why: 'a workflow with a task in a slot is kept in memory',
    role: 'sessions',
  },
  {
    left: 'WORKER_WORKFLOW_TASK_SLOTS',
    must: 'not be below',
    right: 'WORKER_WORKFLOW_TASK_POLLERS',
    why: 'a poller without a slot fetches nothing',
  },
  {
    left: 'WORKER_ACTIVITY_SLOTS',
    must: 'not be below',
    right: 'WORKER_ACTIVITY_TASK_POLLERS',
    why: 'a poller without a slot fetches nothing',
  },
  {
    left: 'SHUTDOWN_GRACE_MS',
    must: 'be above',
    right: 'GATEWAY_DRAIN_MS',
    why: 'no time would be left to answer what is under way',
    role: 'gateway',
  },
  {
    left: 'GATEWAY_REQUEST_TIMEOUT_MS',
    must: 'not be below',
    right: 'GATEWAY_HEADERS_TIMEOUT_MS',
    why: 'the headers are a part of the request',
  },
  {
    left: 'ABUSE_MAX_BLOCK_MS',
    must: 'not be below',
    right: 'ABUSE_BLOCK_MS',
    why: 'blocks only grow',
  },
];

/**
 * What is wrong between settings that are fine one by one, the defaults of those not given among them.
 *
 * @param given names of the variables that are set
 */
export function incoherences(
  environment: Environment,
  policy: Partial<EventPolicy>,
  given: ReadonlySet<string>,
): readonly SettingsFault[] {
  const roles = new Set(environment.ROLES);
  const effective: EventPolicy = { ...DEFAULT_EVENT_POLICY, ...policy };
  const values: ReadonlyMap<string, unknown> = new Map<string, unknown>([
    ...Object.entries(environment),
    ...Object.entries(POLICY_VARIABLES).map(([field, name]): [string, unknown] => [
      name,
      Reflect.get(effective, field),
    ]),
  ]);
  const shown = (name: string): string =>
    given.has(name) ? `${name}=${String(values.get(name))}` : `${name} (${String(values.get(name))} by default)`;
  const compared = COMPARISONS.filter(({ role }) => role === undefined || roles.has(role)).flatMap(
    ({ left, must, right, why, part = { of: '', factor: 1 } }) => {
      const difference = Number(values.get(left)) - Number(values.get(right)) * part.factor;
      if (must === 'be above' ? difference > 0 : difference >= 0) return [];
      return [{ names: [left, right], message: `${shown(left)} must ${must} ${part.of}${shown(right)}: ${why}` }];
    },
  );
  return [
    ...compared,
    ...waitingFaults(effective, shown),
    ...addressFaults(environment, roles, shown),
    ...queueFaults(environment, roles, shown),
    ...credentialFaults(environment, roles),
    ...(roles.has('gateway') ? gatewayFaults(environment) : []),
  ];
}

type Shown = (name: string) => string;

function waitingFaults(policy: EventPolicy, shown: Shown): SettingsFault[] {
  const faults: SettingsFault[] = [];
  const { parentWaitMs, retryMaximumMs, autoRetryDelaysMs, parkedLimitMs } = policy;
  if (parentWaitMs > 0 && parentWaitMs < retryMaximumMs) {
    const names = [POLICY_VARIABLES.parentWaitMs, POLICY_VARIABLES.retryMaximumMs];
    const why = 'a parent would not be looked for again before its time is over';
    faults.push({ names, message: `${shown(names[0] ?? '')} must be 0 or not below ${shown(names[1] ?? '')}: ${why}` });
  }
  const delays = autoRetryDelaysMs.reduce((sum, delayMs) => sum + delayMs, 0);
  if (parkedLimitMs !== undefined && parkedLimitMs < delays) {
    const names = [POLICY_VARIABLES.parkedLimitMs, POLICY_VARIABLES.autoRetryDelaysMs];
    const message = `${shown(names[0] ?? '')} must not be below the sum of ${shown(names[1] ?? '')}, ${delays}: an event would be given up before its last retry`;
    faults.push({ names, message });
  }
  return faults;
}

/** Every address a process listens on is its own, and one that others can be told. */
function addressFaults(environment: Environment, roles: ReadonlySet<Role>, shown: Shown): SettingsFault[] {
  const names = [
    'METRICS_ADDRESS',
    'HEALTH_ADDRESS',
    ...(roles.has('gateway') ? (['GATEWAY_ADDRESS'] as const) : []),
  ] as const;
  const unknown = names
    .filter((name) => !isKnownPort(environment[name]))
    .map((name) => ({
      names: [name],
      message: `${shown(name)} must name a port from 1 to 65535: nobody would know the one that the system chose`,
    }));
  const shared = pairsOf(names).flatMap(([one, other]) =>
    isSameSocket(environment[one], environment[other])
      ? [
          {
            names: [one, other],
            message: `${shown(one)} must not be the address of ${shown(other)}: each listens on its own`,
          },
        ]
      : [],
  );
  return [...unknown, ...shared];
}

function isSameSocket(one: string, other: string): boolean {
  const [left, right] = [splitHostAndPort(one), splitHostAndPort(other)];
  if (left.port === 0 || left.port !== right.port) return false;
  const [host, otherHost] = [hostOf(left.host), hostOf(right.host)];
  return host === otherHost || host === EVERY_HOST || otherHost === EVERY_HOST;
}

const EVERY_HOST = '*';

function hostOf(host: string): string {
  const name = host.toLowerCase();
  if (name === '0.0.0.0' || name === '::') return EVERY_HOST;
  return name === 'localhost' || name === '::1' ? '127.0.0.1' : name;
}

const QUEUES = ['ACTIVITIES_QUEUE', 'MENTIONS_QUEUE', 'REACTIONS_QUEUE', 'FOLLOWS_QUEUE'] as const;

/** A queue has one kind of message, and none is the dead-letter queue of another. */
function queueFaults(environment: Environment, roles: ReadonlySet<Role>, shown: Shown): SettingsFault[] {
  const named = [
    ...(roles.has('bridge') ? QUEUES : []),
    ...(environment.ACCESS_LOG_QUEUE === undefined ? [] : (['ACCESS_LOG_QUEUE'] as const)),
  ];
  return pairsOf(named).flatMap(([one, other]) => {
    const [queue = '', otherQueue = ''] = [environment[one], environment[other]];
    const names = [one, other];
    if (queue === otherQueue) {
      return [
        { names, message: `${shown(one)} must not be the queue of ${shown(other)}: each has one kind of message` },
      ];
    }
    if (queue !== deadLetterQueueName(otherQueue) && otherQueue !== deadLetterQueueName(queue)) return [];
    return [
      { names, message: `${shown(one)} and ${shown(other)} must be two queues, not one and its dead-letter queue` },
    ];
  });
}

function credentialFaults(environment: Environment, roles: ReadonlySet<Role>): SettingsFault[] {
  const faults: SettingsFault[] = [];
  const { STREAM_API_KEY, STREAM_API_SECRET, WORKER_DEPLOYMENT_NAME, WORKER_BUILD_ID } = environment;
  const credentials = Object.entries({ STREAM_API_KEY, STREAM_API_SECRET });
  const missing = credentials.filter(([, value]) => value === undefined).map(([name]) => name);
  if (roles.has('events') && missing.length > 0) {
    const message = `${missing.join(' and ')} must be set: the role "events" writes to GetStream with them; take them from the app's dashboard`;
    faults.push({ names: missing, message });
  }
  if ((WORKER_DEPLOYMENT_NAME === undefined) !== (WORKER_BUILD_ID === undefined)) {
    const names = ['WORKER_DEPLOYMENT_NAME', 'WORKER_BUILD_ID'];
    faults.push({ names, message: `${names.join(' and ')} go together: a version has both, set both or none` });
  }
  return faults;
}

function pairsOf<Item>(items: readonly Item[]): [Item, Item][] {
  return items.flatMap((one, index) => items.slice(index + 1).map((other): [Item, Item] => [one, other]));
}
