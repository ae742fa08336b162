/**
 * Activity ids. Stream's ids are version 1 UUIDs of the activity's time; the id of an activity that was given both
 * `foreign_id` and `time` is a pure function of the two, so a writer can know it before it writes.
 * Source: stream-net `src/Utils/ActivityIdGenerator.cs` and its live test `TestActivityIdSameAsBackend`.
 */

/** 100 ns ticks between the UUID epoch (1582-10-15) and the Unix epoch. */
const UUID_EPOCH_OFFSET_TICKS = 122192928000000000n;
const MULTICAST_BIT = 0x800000000000n;

/** MurmurHash3, x86 32 bit variant, of the text's UTF-8 bytes. */
function murmur3(text: string, seed = 0): number {
  const bytes = Buffer.from(text, 'utf8');
  const blocks = bytes.length - (bytes.length % 4);
  let hash = seed;
  for (let offset = 0; offset < blocks; offset += 4) {
    hash ^= scramble(bytes.readInt32LE(offset));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let tail = 0;
  for (let offset = bytes.length - 1; offset >= blocks; offset -= 1) {
    tail = (tail << 8) | bytes.readUInt8(offset);
  }
  if (blocks < bytes.length) hash ^= scramble(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

/**
 * The id of the activity with this foreign id and time.
 * @param timeMicros microseconds since the Unix epoch; Stream cuts them to milliseconds, so two times within one
 *   millisecond give the same id.
 */
export function activityId(foreignId: string, timeMicros: number): string {
  const hash = murmur3(foreignId) | 0;
  const sign = hash > 0 ? 0x100000000n : 0n;
  const node = BigInt(Math.abs(hash)) | sign | MULTICAST_BIT;
  return timeUuid(Math.floor(timeMicros / 1000) * 1000, node);
}

/** A version 1 UUID of this time; `node` (48 bits) tells apart what happened at the same time. */
export function timeUuid(timeMicros: number, node: bigint): string {
  const ticks = UUID_EPOCH_OFFSET_TICKS + BigInt(timeMicros) * 10n;
  const low = hex(ticks & 0xffffffffn, 8);
  const middle = hex((ticks >> 32n) & 0xffffn, 4);
  const high = hex(0x1000n | ((ticks >> 48n) & 0x0fffn), 4);
  return `${low}-${middle}-${high}-8080-${hex(node & 0xffffffffffffn, 12)}`;
}

/** The time in a version 1 UUID, in microseconds since the Unix epoch; undefined for any other text. */
export function timeOfUuid(id: string): number | undefined {
  const parts = /^([0-9a-f]{8})-([0-9a-f]{4})-1([0-9a-f]{3})-[0-9a-f]{4}-[0-9a-f]{12}$/i.exec(id);
  if (!parts) return undefined;
  const [, low, middle, high] = parts;
  return Number((BigInt(`0x${high}${middle}${low}`) - UUID_EPOCH_OFFSET_TICKS) / 10n);
}

function hex(value: bigint, width: number): string {
  return value.toString(16).padStart(width, '0');
}
