import assert from 'node:assert/strict';
import { activityId, timeOfUuid } from '../../contracts/events/stream-activity-id.ts';

describe('activity id', () => {
  const vectors = [
    ['123sdsd333}}}', 1451260800000, 'f01c0000-acf5-11e5-8080-80006a8b5bc2'],
    ['6621934', 1452862482000, '24f9d500-bb87-11e5-8080-80012ce3cc51'],
    ['UserPrediction:11127278', 1480174117000, '00000080-b3ed-11e6-8080-8000444ef374'],
    [
      '1E42DEB6-7C2F-4DA9-B6E6-0C6E5CC9815D',
      Date.parse('2018-11-14T15:54:45.268Z'),
      '9b5b3540-e825-11e8-8080-800016ff21e4',
    ],
  ] as const;

  for (const [foreignId, millis, id] of vectors) {
    it(`is the one Stream gives to ${foreignId}`, () => {
      assert.equal(activityId(foreignId, millis * 1000), id);
    });
  }

  it('does not see below the millisecond', () => {
    assert.equal(activityId('a', 1451260800000_999), activityId('a', 1451260800000_000));
  });

  it('tells its time again', () => {
    assert.equal(timeOfUuid(activityId('a', 1451260800123_000)), 1451260800123_000);
    assert.equal(timeOfUuid('not an id'), undefined);
    assert.equal(timeOfUuid('cc4ee8b8-8ab3-4ba2-8f0a-7b4a6b5b6f3e'), undefined);
  });
});
