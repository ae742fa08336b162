import { pino } from 'pino';
import { connectRedis, type SharedRedis } from '../../../gateway/redis/connection.ts';
import { eventually } from '../../support/eventually.ts';

/** A connection as gateways make it, ready to use. */
export async function connectToRedis(url: string): Promise<SharedRedis> {
  const redis = connectRedis(url, pino({ level: 'silent' }));
  await eventually(() => redis.ping());
  return redis;
}
