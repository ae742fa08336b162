import { releaseInBulk } from './bulk-release.ts';
import { extent } from '../support/extent.ts';

describe('a batch of parked events, released by one signal of the stock API', function () {
  this.timeout(240_000);

  it('is applied whole and at the pace of the task queue; what was overtaken closes as superseded', async () => {
    const { parked, seconds, busiest } = await releaseInBulk(Number(process.env['BULK_EVENTS'] ?? extent(200, 80)));
    console.log(`      ${parked} released in ${seconds.toFixed(1)} s, ${busiest} writes/s at most`);
  });
});
