import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../local/random.ts';
import type { AccountRecord, Span, StreamStory } from './account-record.ts';
import type { Acquired, Door, Wish } from './doors.ts';
import { SILENCE_MS } from './policy.ts';

export interface PlayerOptions {
  readonly record: AccountRecord;
  readonly doors: { readonly gateways: readonly Door[]; readonly direct: Door };
  readonly random: Random;
  /** When to begin nothing any more; what plays then is released or crashes. */
  readonly untilMs: number;
  /** Beats until it is told to stop, and neither crashes nor pauses. */
  readonly steady?: AbortSignal;
}

const ACQUIRE_PATIENCE_MS = 3_500;
/** Too short for most answers: the request is carried out and nobody hears of it. */
const HASTY_MS = [5, 40] as const;
const TRIES = 6;
const BEAT_EVERY_MS = [1_200, 1_900] as const;

/** A caller that plays one stream after the other on an account, and writes down what it sees. */
export class Player {
  readonly #options: PlayerOptions;
  #evictNext: readonly string[] = [];

  constructor(options: PlayerOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { random, steady } = this.#options;
    await this.#pause(0, 400);
    while (!this.#isOver()) {
      await this.#playback();
      await (steady ? this.#pause(50, 200) : this.#pause(100, 900));
      if (!steady && random.chance(0.15)) await this.#look();
      if (!steady && random.chance(0.12)) await this.#evictSomebody();
    }
  }

  #isOver(): boolean {
    return this.#options.steady ? this.#options.steady.aborted : performance.now() > this.#options.untilMs;
  }

  async #playback(): Promise<void> {
    const { record, random } = this.#options;
    const device = randomUUID().slice(0, 13);
    const evict = this.#evictNext;
    this.#evictNext = [];
    const wish: Wish = {
      key: randomUUID(),
      device,
      ...(random.chance(0.4) ? { streamId: `stream-${device}` } : {}),
      ...(evict.length > 0 ? { evict } : {}),
    };
    const acquired = await this.#acquire(wish);
    if (acquired?.outcome === 'refused') this.#afterRefusal(acquired);
    if (acquired?.outcome !== 'granted') return;
    const { stream } = acquired;
    const story = record.story(device);
    story.playing = true;
    try {
      if ((await this.#play(story, stream.streamId, stream.mode === 'direct')) === 'stopped') {
        await this.#finish(story, stream.streamId, wish);
      }
    } finally {
      story.playing = false;
    }
  }

  /** Tries the same key until it is answered. */
  async #acquire(wish: Wish): Promise<Acquired | undefined> {
    const { record, random } = this.#options;
    for (const streamId of wish.evict ?? []) record.story(record.deviceOf(streamId)).evicted = true;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const doors = random.chance(0.1) ? [this.#door(), this.#door()] : [this.#door(0.15)];
      const hasty = random.chance(0.12);
      const answers = await Promise.all(
        doors.map((door) => this.#tryAcquire(door, wish, hasty ? random.between(...HASTY_MS) : ACQUIRE_PATIENCE_MS)),
      );
      const answer = answers.find((answer) => answer?.outcome === 'granted') ?? answers.find((answer) => answer);
      if (answer) return answer;
      await this.#pause(20, 300);
    }
    return undefined;
  }

  async #tryAcquire(door: Door, wish: Wish, patienceMs: number): Promise<Acquired | undefined> {
    const { record } = this.#options;
    const { device, evict = [] } = wish;
    const [answer, span] = await timed(door.acquire(record, wish, patienceMs));
    const call = { kind: 'acquire', id: device, evict: evict.map((id) => record.deviceOf(id)) } as const;
    switch (answer?.outcome) {
      case 'granted': {
        const story = record.story(device);
        story.streamIds.add(answer.stream.streamId);
        story.alive.push({ ...span, door: door.name, keptForMs: SILENCE_MS });
        record.see(answer.stream);
        record.count('a grant', answer.active);
        const evicted = answer.evicted.map((id) => record.deviceOf(id));
        record.operate(call, { outcome: 'granted', evicted }, span);
        break;
      }
      case 'refused': {
        record.count('a refusal', answer.active);
        const conflicts = answer.conflicts.map((stream) => record.see(stream));
        record.operate(call, { outcome: 'refused', conflicts }, span);
        break;
      }
      case 'ended':
        record.operate(call, answer.surely ? { outcome: 'ended' } : undefined, span);
        break;
      case undefined:
        record.operate(call, undefined, span);
    }
    return answer;
  }

  #afterRefusal({ conflicts }: Extract<Acquired, { outcome: 'refused' }>): void {
    const { random, steady } = this.#options;
    if (conflicts.length > 0 && (steady || random.chance(0.35))) this.#evictNext = [random.pick(conflicts).streamId];
  }

  /** @returns `over` when the player was told so */
  async #play(story: StreamStory, streamId: string, direct: boolean): Promise<'over' | 'stopped'> {
    const { random, steady } = this.#options;
    const beats = steady ? Infinity : random.between(0, 4);
    for (let beat = 0; beat < beats && !this.#isOver(); beat++) {
      const silent = !steady && random.chance(0.06);
      await (silent ? this.#pause(2_500, 9_000) : this.#pause(...BEAT_EVERY_MS));
      if ((await this.#beat(story, streamId, direct)) === 'over') return 'over';
    }
    return 'stopped';
  }

  /** What does not answer is left at once for another one, as a proxy in front would. */
  async #beat(story: StreamStory, streamId: string, direct: boolean): Promise<'alive' | 'over' | undefined> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const door = this.#door(direct ? 0.7 : 0);
      const [answer, span] = await timed(door.beat(this.#options.record, streamId));
      if (answer?.alive) {
        const { keptForMs } = answer;
        story.alive.push({ ...span, door: door.name, ...(keptForMs === undefined ? {} : { keptForMs }) });
        return 'alive';
      }
      if (answer) {
        story.told = { ...span, end: answer.end };
        return 'over';
      }
    }
    return undefined;
  }

  async #finish(story: StreamStory, streamId: string, wish: Wish): Promise<void> {
    const { record, random, steady } = this.#options;
    // A crash: no word any more.
    if (!steady && random.chance(0.4)) return;
    story.released = true;
    story.playing = false;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const [answer, span] = await timed(this.#door(0.15).release(record, streamId));
      record.operate({ kind: 'release', id: story.device }, answer && { outcome: 'done', ids: [] }, span);
      if (answer) break;
    }
    // A retry that comes late must not play again.
    if (random.chance(0.1)) await this.#acquire(wish);
  }

  async #look(): Promise<void> {
    const { record } = this.#options;
    const [view, span] = await timed(this.#door(0.3).list(record));
    if (!view) return;
    record.count('a list', view.slots);
    const ids = view.active.map((stream) => record.see(stream));
    record.operate({ kind: 'list' }, { outcome: 'done', ids }, span);
  }

  async #evictSomebody(): Promise<void> {
    const { record, random } = this.#options;
    const playing = [...record.streams.values()].filter((story) => story.playing);
    if (playing.length === 0) return;
    const story = random.pick(playing);
    const [streamId] = story.streamIds;
    if (streamId === undefined) return;
    story.evicted = true;
    const [reply, span] = await timed(this.#door(0.2).evict(record, streamId));
    const ids = reply?.evicted.map((ended) => record.see(ended));
    record.operate({ kind: 'evict', id: story.device }, ids && { outcome: 'done', ids }, span);
  }

  #door(directly = 0): Door {
    const { doors, random } = this.#options;
    return random.chance(directly) ? doors.direct : random.pick(doors.gateways);
  }

  async #pause(least: number, most: number): Promise<void> {
    const { random, steady } = this.#options;
    const signal = steady ? { signal: steady } : {};
    await sleep(random.between(least, most), undefined, signal).catch(() => undefined);
  }
}

async function timed<Answer>(call: Promise<Answer>): Promise<[answer: Answer, span: Span]> {
  const invokedAt = performance.now();
  const answer = await call;
  return [answer, { invokedAt, returnedAt: performance.now() }];
}
