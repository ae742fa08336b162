import type { GatewayApp } from '../app.ts';
import type { Guard } from '../guard.ts';

/** What a proxy in front asks before it lets a request through (`auth_request` of nginx): see ops/nginx/README.md. */
export function registerAdmissionRoute(app: GatewayApp, guard: Guard): void {
  void app;
  void guard;
}
