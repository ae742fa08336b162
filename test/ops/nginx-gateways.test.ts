import assert from 'node:assert/strict';
import { startNginx, whyNoNginx } from '../support/nginx.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { ask, assertProblem } from './https-client.ts';
import { startStandInGateway } from './stand-in-gateway.ts';

describe('nginx in front of several gateways', () => {
  before(function () {
    skipWhereMissing(this, whyNoNginx());
  });

  it('skips one that is dead, and says 502 or 503 as a problem when all are', async () => {
    const [dead, alive] = await Promise.all([startStandInGateway(), startStandInGateway()]);
    const nginx = await startNginx({ gateways: [dead.port, alive.port] });
    try {
      await dead.close();
      for (let index = 0; index < 20; index += 1) {
        const answer = await ask(nginx, '/v1/users/alice/streams', { method: 'POST', body: '{}' });
        assert.equal(answer.status, 200);
      }
      assert.equal(alive.served.length, 20, 'no request was sent twice');
      await alive.close();
      const answer = await ask(nginx, '/v1/users/alice/streams', {});
      assert.equal(answer.status, 503);
      assertProblem(answer, 'unavailable');
      const open = await ask(nginx, '/healthz', {});
      assert.equal(open.status, 502);
      assertProblem(open, 'unavailable');
      assert.equal(open.headers['retry-after'], '1');
    } finally {
      await nginx.stop();
    }
  });

  it('does not send a POST again that a gateway may have acted on', async () => {
    const gateways = await Promise.all([startStandInGateway(), startStandInGateway()]);
    for (const gateway of gateways) gateway.serve = (request) => request.socket.destroy();
    const nginx = await startNginx({ gateways: gateways.map(({ port }) => port) });
    try {
      const answer = await ask(nginx, '/v1/users/alice/streams', { method: 'POST', body: '{}' });
      assert.equal(answer.status, 502);
      assert.equal(gateways.flatMap(({ served }) => served).length, 1);
    } finally {
      await nginx.stop();
      for (const gateway of gateways) await gateway.close();
    }
  });

  it('counts an IPv6 /64 as one address behind a trusted load balancer, and limits it', async () => {
    const gateway = await startStandInGateway();
    const nginx = await startNginx({
      gateways: [gateway.port],
      limits:
        'limit_conn_zone $address_key zone=connections:1m;\nlimit_req_zone $address_key zone=requests:1m rate=1r/m;\nlimit_req zone=requests burst=2 nodelay;\n',
      loadBalancer: 'set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n',
    });
    try {
      const from = (address: string) => ask(nginx, '/v1/x', { headers: { 'x-forwarded-for': `6.6.6.6, ${address}` } });
      for (const host of [1, 2, 3]) assert.equal((await from(`2001:db8:a:a:${host}::1`)).status, 200);
      const refused = await from('2001:db8:a:a:4::1');
      assert.equal(refused.status, 429);
      assertProblem(refused, 'rate-limited');
      assert.equal(refused.headers['retry-after'], '1');
      assert.equal((await from('2001:db8:a:b::1')).status, 200, 'another network');
      for (const host of [1, 2]) assert.equal((await from(`192.0.2.${host}`)).status, 200);
      assert.deepEqual(
        gateway.served.slice(-2).map(({ headers }) => headers['x-forwarded-for']),
        ['192.0.2.1', '192.0.2.2'],
      );
    } finally {
      await nginx.stop();
      await gateway.close();
    }
  });
});
