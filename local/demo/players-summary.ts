import type { GatewayAccess } from '../endpoints-file.ts';
import { DEMO_PLAN } from './session-policy.ts';
import type { PlayersResult, Scene } from './players.ts';

/** What became of the players. */
export function describePlayers({ scenes, elapsedMs, policy }: PlayersResult, policyFile: string): string[] {
  const { caps, plans, leaseMs, heartbeatIntervalMs } = policy;
  const elapsed = (elapsedMs / 1_000).toFixed(1);
  const verdict = scenes.every(({ fault }) => fault === undefined)
    ? 'All fared as they must'
    : 'NOT all fared as they must';
  return [
    `Stream sessions: ${scenes.length} accounts on the gateway, by the policy in ${policyFile}:`,
    `  ${caps.account} streams at once, ${plans?.[DEMO_PLAN]?.account} on the plan "${DEMO_PLAN}" of these accounts; a beat every ` +
      `${seconds(heartbeatIntervalMs)}, a lease of ${seconds(leaseMs)}. Change the file, with a higher version: the next acquire ` +
      'follows it, and no start writes over it.',
    ...scenes.flatMap(describeScene),
    `${verdict}, after ${elapsed} s.`,
  ];
}

export interface GatewayPlaces {
  readonly gateway: GatewayAccess;
  /** Token that may act for anyone. */
  readonly token: string;
  readonly log: string;
  /** Account to look at; its players go on. */
  readonly playing?: string;
}

/** Where the gateway is and how to try it out. */
export function describeGateway({ gateway: { url }, token, log, playing }: GatewayPlaces): string[] {
  const users = `${url}/v1/users`;
  const authorization = '-H "Authorization: Bearer $TOKEN"';
  const page =
    playing === undefined
      ? `${url}/ asks for the token and an account`
      : `${url}/?user=${encodeURIComponent(playing)} asks for the token; the players there go on: end one`;
  return [
    `Gateway         ${url} (API: ${url}/docs)`,
    `  a page        ${page}`,
    `  a token       TOKEN=${token}`,
    `                (acts for anyone, for a day; the secret stands in the endpoints file)`,
    `  a player      curl -s ${users}/eve/streams ${authorization} --json '{"deviceId": "tv-1"}'`,
    ...(playing === undefined
      ? []
      : [`  an account    curl -s ${users}/${encodeURIComponent(playing)}/streams ${authorization}`]),
    `Gateway log     ${log}`,
  ];
}

function describeScene({ userId, story, fault }: Scene): string[] {
  return [...story, ...(fault === undefined ? [] : [`NOT as it must be: ${fault}`])].map(
    (line) => `  ${userId}: ${line}`,
  );
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1_000} s`;
}
