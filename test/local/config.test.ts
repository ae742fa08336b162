import assert from 'node:assert/strict';
import path from 'node:path';
import { cacheDirectory, ConfigError, readLocalConfig, readTopologyConfig } from '../../local/config.ts';

describe('the settings of npm start', () => {
  it('are the documented ports when the environment says nothing', () => {
    const config = readLocalConfig({});
    assert.deepEqual(
      [config.TEMPORAL_PORT, config.TEMPORAL_UI_PORT, config.AWS_PORT, config.STREAM_PORT, config.METRICS_PORT],
      [7233, 8233, 4566, 8800, 9464],
    );
    assert.equal(config.HEALTH_PORT, 9465);
    assert.deepEqual(
      [config.GATEWAY_PORT, config.GATEWAY_METRICS_PORT, config.GATEWAY_HEALTH_PORT],
      [3000, 9466, 9467],
    );
    assert.equal(config.TEMPORAL_NAMESPACE, 'default');
    assert.equal(config.TEMPORAL_ADDRESS, undefined);
  });

  it('take ports from the environment and treat an empty variable as not set', () => {
    const config = readLocalConfig({ AWS_PORT: '14566', STREAM_PORT: '' });
    assert.equal(config.AWS_PORT, 14566);
    assert.equal(config.STREAM_PORT, 8800);
  });

  it('refuse nonsense, naming every variable at fault', () => {
    const environment = { AWS_PORT: '99999', STREAM_PORT: 'http', TEMPORAL_ADDRESS: 'nowhere', LOG_LEVEL: 'loud' };
    assert.throws(
      () => readLocalConfig(environment),
      (error) => {
        assert.ok(error instanceof ConfigError);
        for (const variable of Object.keys(environment)) assert.match(error.message, new RegExp(`^${variable}: `, 'm'));
        return true;
      },
    );
  });

  it('refuse one port for two servers', () => {
    assert.throws(() => readLocalConfig({ METRICS_PORT: '8800' }), /STREAM_PORT and METRICS_PORT are both 8800/);
    assert.throws(() => readLocalConfig({ GATEWAY_PORT: '9464' }), /METRICS_PORT and GATEWAY_PORT are both 9464/);
    assert.doesNotThrow(() => readLocalConfig({ METRICS_PORT: '0', AWS_PORT: '0' }));
  });

  it('keep binaries in the user’s cache folder', () => {
    assert.equal(cacheDirectory({ HOME: '/home/ada' }), path.join('/home/ada', '.cache', 'social-graph-worker'));
    assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/c', HOME: '/home/ada' }), path.join('/c', 'social-graph-worker'));
  });
});

describe('the settings of create-topology', () => {
  it('name AWS itself without an endpoint and refuse an endpoint that is no URL', () => {
    assert.deepEqual(readTopologyConfig({}), { AWS_REGION: 'us-east-1' });
    assert.throws(() => readTopologyConfig({ AWS_ENDPOINT_URL: 'fauxqs' }), /AWS_ENDPOINT_URL: must be/);
  });
});
