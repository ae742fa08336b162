import { randomUUID } from 'node:crypto';
import { ensureNamespace, ensureSearchAttributes } from '../../../local/temporal-namespace.ts';
import { sharedTemporal } from '../../support/temporal.ts';

let namespace: Promise<{ readonly address: string; readonly namespace: string }> | undefined;

/**
 * A namespace of the gateways' tests alone, one after the other: gateways read all accounts of theirs, and hear of all their
 * ends.
 */
export function gatewayNamespace(): Promise<{ readonly address: string; readonly namespace: string }> {
  return (namespace ??= register());
}

async function register(): Promise<{ readonly address: string; readonly namespace: string }> {
  const { address, connection } = await sharedTemporal();
  const namespace = `gateway-${randomUUID().slice(0, 8)}`;
  await ensureNamespace(connection, { namespace });
  await ensureSearchAttributes(connection, namespace);
  return { address, namespace };
}
