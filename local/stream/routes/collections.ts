import { randomUUID } from 'node:crypto';
import type { Call, Endpoint } from '../endpoint.ts';
import { fieldsError, inputError } from '../errors.ts';
import { jsonBytes, listParameter, parameter, requireData, requireId, requireList, requireObject } from '../input.ts';
import { isSelf, nobody, requirePolicy } from '../policies.ts';
import { SIZES } from '../sizes.ts';
import type { CollectionEntry, EntryKey } from '../store/collections.ts';
import { collectionEntryView } from '../views.ts';

/** Objects that activities refer to as `SO:<collection>:<id>`. */
export const collectionEndpoints: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/collections/:collection/',
    resource: 'collections',
    quota: 'addCollectionEntry',
    handle: add,
  },
  {
    method: 'GET',
    path: '/collections/:collection/:id/',
    resource: 'collections',
    quota: 'readCollectionEntry',
    handle: read,
  },
  {
    method: 'PUT',
    path: '/collections/:collection/:id/',
    resource: 'collections',
    quota: 'updateCollectionEntry',
    handle: update,
  },
  {
    method: 'DELETE',
    path: '/collections/:collection/:id/',
    resource: 'collections',
    quota: 'deleteCollectionEntry',
    handle: remove,
  },
  { method: 'POST', path: '/collections/', resource: 'collections', quota: 'upsertCollections', handle: upsertMany },
  { method: 'GET', path: '/collections/', resource: 'collections', quota: 'selectCollections', handle: selectMany },
  { method: 'DELETE', path: '/collections/', resource: 'collections', quota: 'deleteCollections', handle: removeMany },
];

const NAME = /^[\w-]+$/;

function add(call: Call): Record<string, unknown> {
  const body = requireObject(call.body(), 'the body');
  const collection = requireName(call.params.collection, 'collection');
  const isGiven = body.id !== undefined && body.id !== null;
  const id = isGiven ? requireName(body.id, 'id') : randomUUID();
  const data = requireFilled(body.data);
  const entry = call.store.collections.add({ collection, id, data, owner: readOwner(call, body.user_id) });
  call.count('collectionEntriesCreated');
  return collectionEntryView(entry);
}

/** Entries of users are theirs; a server may make one for a user. */
function readOwner({ caller }: Call, value: unknown): string {
  if (value === undefined || value === null || value === '') return caller.kind === 'user' ? caller.userId : '';
  const owner = requireId(value, 'user_id');
  requirePolicy(caller, isSelf(owner));
  return owner;
}

function requireName(value: unknown, what: string): string {
  const name = requireId(typeof value === 'number' ? String(value) : value, what);
  if (!NAME.test(name)) throw fieldsError({ [what]: ['must consist of letters, numbers, - and _'] });
  return name;
}

/** Empty data is refused (stream-js `collection.js`). */
function requireFilled(value: unknown): Record<string, unknown> {
  const data = requireData(value, 'data');
  if (Object.keys(data).length === 0) throw fieldsError({ data: ['must not be empty'] });
  return data;
}

function keyOf({ params }: Call): EntryKey {
  return { collection: params.collection ?? '', id: params.id ?? '' };
}

function read(call: Call): Record<string, unknown> {
  return collectionEntryView(call.store.collections.get(keyOf(call)));
}

function update(call: Call): Record<string, unknown> {
  const entry = ownEntry(call);
  const body = requireObject(call.body(), 'the body');
  if (Object.hasOwn(body, 'id')) throw fieldsError({ id: ['cannot be changed'] });
  const updated = call.store.collections.update(entry, requireFilled(body.data));
  call.count('collectionEntriesUpdated');
  return collectionEntryView(updated);
}

function remove(call: Call): Record<string, unknown> {
  call.store.collections.delete(ownEntry(call));
  call.count('collectionEntriesDeleted');
  return {};
}

function ownEntry(call: Call): CollectionEntry {
  const entry = call.store.collections.get(keyOf(call));
  requirePolicy(call.caller, isSelf(entry.owner));
  return entry;
}

/** `{data: {collection: [{id, ...fields}]}}`; `id` becomes part of the data too (stream-ruby `integration_spec.rb`). */
function upsertMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const body = requireObject(call.body(), 'the body');
  const lists = Object.entries(requireObject(body.data, 'data')).map(([name, list]) => ({
    collection: requireName(name, 'collection'),
    items: requireList(list, 'a collection', SIZES.batchObjects).map(readItem),
  }));
  const total = lists.reduce((sum, { items }) => sum + items.length, 0);
  if (total > SIZES.batchObjects) throw inputError(`at most ${SIZES.batchObjects} objects can be written at once`);
  for (const { collection, items } of lists) {
    for (const { id, data } of items) upsert(call, { collection, id, data, owner: '' });
  }
  const answer = lists.map(({ collection, items }) => [collection, items.map(({ data }) => data)]);
  return { data: Object.fromEntries(answer) };
}

function readItem(value: unknown): { id: string; data: Record<string, unknown> } {
  const item = requireObject(value, 'a collection object');
  const id = requireName(item.id, 'id');
  const data = { ...item, id };
  if (jsonBytes(data) > SIZES.dataBytes) throw inputError(`an object must not be larger than ${SIZES.dataBytes} bytes`);
  return { id, data };
}

function upsert(call: Call, entry: Pick<CollectionEntry, 'collection' | 'id' | 'data' | 'owner'>): void {
  const existing = call.store.collections.find(entry);
  if (existing) call.store.collections.update(entry, entry.data);
  else call.store.collections.add(entry);
  call.count(existing ? 'collectionEntriesUpdated' : 'collectionEntriesCreated');
}

function selectMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const names = listParameter(call.query, 'foreign_ids', SIZES.batchObjects);
  if (!names) throw inputError('foreign_ids is required');
  const entries = names.map(parseForeignId).flatMap((key) => call.store.collections.find(key) ?? []);
  return { response: { data: entries.map(collectionEntryView) } };
}

function parseForeignId(name: string): EntryKey {
  const [collection, id, ...rest] = name.split(':');
  if (!collection || !id || rest.length > 0) throw inputError('foreign_ids must be a list of collection:id');
  return { collection, id };
}

function removeMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const collection = parameter(call.query, 'collection_name');
  const ids = listParameter(call.query, 'ids', SIZES.batchObjects);
  if (collection === undefined || !ids) throw inputError('collection_name and ids are required');
  const deleted = ids.filter((id) => call.store.collections.delete({ collection, id }));
  call.count('collectionEntriesDeleted', deleted.length);
  return {};
}
