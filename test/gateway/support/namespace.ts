import { randomUUID } from 'node:crypto';
import { ensureNamespace, ensureSearchAttributes } from '../../../local/temporal-namespace.ts';
import { sharedTemporal } from '../../support/temporal.ts';

/** A namespace of its own on the shared server: gateways read all accounts of theirs, and hear of all their ends. */
export async function ownNamespace(): Promise<{ readonly address: string; readonly namespace: string }> {
  const { address, connection } = await sharedTemporal();
  const namespace = `gateway-${randomUUID().slice(0, 8)}`;
  await ensureNamespace(connection, { namespace });
  await ensureSearchAttributes(connection, namespace);
  return { address, namespace };
}
