import { isGrpcServiceError } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { SEARCH_ATTRIBUTES } from '../contracts/shared/names.ts';
import type { Role } from './environment.ts';
import { SetupError } from './setup-error.ts';

/** SQS keeps a message 14 days at most, and a dead-letter queue as long again. */
const LONGEST_REDELIVERY_DAYS = 28;
const SECONDS_PER_DAY = 86_400;

const GRPC = { notFound: 5, permissionDenied: 7, unimplemented: 12, unauthenticated: 16 } as const;

type SearchAttribute = keyof typeof SEARCH_ATTRIBUTES;

const OF_EVENTS = ['EventKind', 'EventStatus', 'EventActor', 'EventFailure'] as const;

/** The search attributes each role writes. */
const WANTED: Readonly<Record<Role, readonly SearchAttribute[]>> = {
  bridge: OF_EVENTS,
  events: OF_EVENTS,
  sessions: ['ActiveStreams'],
  gateway: [],
  'access-log': [],
};

/** `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_VALUE_TYPES: Readonly<Record<(typeof SEARCH_ATTRIBUTES)[SearchAttribute], number>> = {
  Keyword: 2,
  Int: 3,
};

/**
 * Checks that the namespace can do what these roles need.
 *
 * @throws SetupError naming the namespace that does not exist, or the search attributes that are not registered, and the
 *   command that mends it
 */
export async function checkNamespace(
  connection: NativeConnection,
  namespace: string,
  roles: ReadonlySet<Role>,
  logger: Logger,
): Promise<void> {
  const days = await retentionDays(connection, namespace);
  await requireSearchAttributes(connection, namespace, roles, logger);
  if (!roles.has('bridge') || days >= LONGEST_REDELIVERY_DAYS) return;
  logger.warn(
    { namespace, retentionDays: days, neededDays: LONGEST_REDELIVERY_DAYS },
    'closed workflows are forgotten before the last redelivery from a queue or dead-letter queue can come: such a ' +
      'message would be written again. Raise the retention: temporal operator namespace update --retention 28d',
  );
}

async function retentionDays(connection: NativeConnection, namespace: string): Promise<number> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / SECONDS_PER_DAY;
  } catch (error) {
    switch (codeOf(error)) {
      case GRPC.notFound:
        throw new SetupError(
          `Temporal has no namespace ${namespace}; set TEMPORAL_NAMESPACE, or create it: ` +
            `temporal operator namespace create --namespace ${namespace} --retention ${LONGEST_REDELIVERY_DAYS}d`,
        );
      case GRPC.permissionDenied:
      case GRPC.unauthenticated:
        throw new SetupError(
          `Temporal does not let this process into namespace ${namespace}; check TEMPORAL_API_KEY and TEMPORAL_TLS_*`,
          error,
        );
      default:
        throw new SetupError(`Temporal does not tell of namespace ${namespace}`, error);
    }
  }
}

async function requireSearchAttributes(
  connection: NativeConnection,
  namespace: string,
  roles: ReadonlySet<Role>,
  logger: Logger,
): Promise<void> {
  const wanted = [...new Set([...roles].flatMap((role) => WANTED[role]))];
  if (wanted.length === 0) return;
  const registered = await registeredAttributes(connection, namespace, logger);
  if (registered === undefined) return;
  const missing = wanted.filter((name) => registered[name] === undefined);
  if (missing.length > 0) {
    const flags = missing.map((name) => `--name ${name} --type ${SEARCH_ATTRIBUTES[name]}`).join(' ');
    throw new SetupError(
      `Namespace ${namespace} lacks the search attributes ${missing.join(', ')}; create them: ` +
        `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
    );
  }
  const wrong = wanted.filter((name) => registered[name] !== INDEXED_VALUE_TYPES[SEARCH_ATTRIBUTES[name]]);
  if (wrong.length > 0) {
    const types = wrong.map((name) => `${name} must be of type ${SEARCH_ATTRIBUTES[name]}`).join(', ');
    throw new SetupError(
      `Namespace ${namespace} has search attributes of another type: ${types}; ` +
        'remove them with temporal operator search-attribute remove and create them anew, or use another namespace',
    );
  }
}

/** Undefined where nobody may ask: whoever runs such a service registers them by other means. */
async function registeredAttributes(
  connection: NativeConnection,
  namespace: string,
  logger: Logger,
): Promise<Readonly<Record<string, number>> | undefined> {
  try {
    return (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes;
  } catch (error) {
    const code = codeOf(error);
    if (code !== GRPC.permissionDenied && code !== GRPC.unimplemented) {
      throw new SetupError(`Temporal does not tell the search attributes of namespace ${namespace}`, error);
    }
    logger.warn(
      { namespace, code },
      'Temporal does not tell which search attributes are registered; they are not checked',
    );
    return undefined;
  }
}

function codeOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}
