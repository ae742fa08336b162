import type { Caller } from '../auth/caller.ts';
import { hasScope, SCOPES } from '../auth/authorize.ts';
import type { Problem } from '../problem.ts';
import { html, join, type Html } from './html.ts';
import { STYLE_ELEMENT } from './style.ts';

export interface LayoutOptions {
  readonly title: string;
  /** Left out: nobody is signed in. */
  readonly caller?: Caller | undefined;
}

const NOTHING = html``;

/** A whole document around the parts of a page. */
export function layout({ title, caller }: LayoutOptions, ...parts: readonly Html[]): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Stream sessions</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <header><a href="/">Stream sessions</a>${caller ? signedIn(caller) : NOTHING}</header>
        <main>
          <h1>${title}</h1>
          ${join(parts)}
        </main>
      </body>
    </html>`;
}

function signedIn(caller: Caller): Html {
  const role = hasScope(caller, SCOPES.streams) ? ' (may act for anyone)' : '';
  return html`<form method="post" action="/page/sign-out">
    <p>Signed in as ${caller.subject}${role} <button class="quiet">Sign out</button></p>
  </form>`;
}

/** @param userId account that was asked for */
export function signInPage({ userId = '', problem }: { userId?: string | undefined; problem?: Problem } = {}): Html {
  return layout(
    { title: 'Sign in' },
    problem ? alertOf(problem) : NOTHING,
    html`<section>
      <form method="post" action="/page/sign-in">
        <div class="field">
          <label for="token">Access token</label>
          <input id="token" name="token" type="password" autocomplete="off" required aria-describedby="token-hint" />
          <p class="hint" id="token-hint">
            The same as the players and services use. The browser keeps it until it is closed.
          </p>
        </div>
        <div class="field">
          <label for="sign-in-user">Account</label>
          <input
            id="sign-in-user"
            name="user"
            value="${userId}"
            autocomplete="off"
            maxlength="255"
            aria-describedby="user-hint"
          />
          <p class="hint" id="user-hint">User id; needed only with the token of a service.</p>
        </div>
        <button>Show streams</button>
      </form>
    </section>`,
  );
}

/** For a token that acts for anyone. */
export function choosePage(caller: Caller): Html {
  return layout({ title: 'Choose an account', caller }, accountForm());
}

export function accountForm(): Html {
  return html`<section>
    <form action="/" class="inline">
      <div class="field">
        <label for="user">Account</label>
        <input id="user" name="user" autocomplete="off" required maxlength="255" placeholder="User id" />
      </div>
      <button class="quiet">Show streams</button>
    </form>
  </section>`;
}

export function problemPage(problem: Problem, caller: Caller | undefined, requestId: string): Html {
  return layout(
    { title: problem.title, caller },
    alertOf(problem),
    html`<p><a href="/">Back to the start</a></p>
      <p class="hint">Request ${requestId}</p>`,
  );
}

function alertOf({ message, headers }: Problem): Html {
  const seconds = headers['retry-after'];
  const later = seconds === undefined ? '' : ` Try again in ${seconds} s.`;
  return html`<div class="alert" role="alert"><p>${sentence(message)}${later}</p></div>`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
