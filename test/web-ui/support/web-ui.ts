import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';

const DEADLINE_MS = 30_000;
const PICTURE_SIZE = { width: 1280, height: 860 };

/** What is sent from a workflow's page: the titles of its dialogs. */
export type Dialog = 'Send a Signal' | 'Send an Update';

export interface WebUiOptions {
  readonly url: string;
  readonly namespace: string;
  /** Folder for pictures; none are taken when left out. */
  readonly pictures?: string | undefined;
}

/** Temporal's Web UI as an operator uses it: by what is written on the page, with a fresh browser profile. */
export class WebUi {
  readonly #page: Page;
  readonly #options: WebUiOptions;

  private constructor(page: Page, options: WebUiOptions) {
    this.#page = page;
    this.#options = options;
  }

  static async open(browser: Browser, options: WebUiOptions): Promise<WebUi> {
    const context = await browser.newContext({ viewport: PICTURE_SIZE });
    context.setDefaultTimeout(DEADLINE_MS);
    return new WebUi(await context.newPage(), options);
  }

  async list(query: string): Promise<void> {
    await this.#page.goto(`${this.#namespaceUrl()}/workflows?query=${encodeURIComponent(query)}`);
  }

  /** The row of a workflow in the list, by its link. */
  link(workflowId: string): Locator {
    return this.#page.getByRole('link', { name: workflowId, exact: true });
  }

  async openFromList(workflowId: string): Promise<void> {
    await this.link(workflowId).click();
    await this.#page.getByRole('heading', { name: workflowId }).waitFor();
  }

  async searchAttributes(): Promise<string> {
    await this.#openTab('Search Attributes');
    const shown = this.#page.getByText('"indexedFields"').locator('xpath=ancestor::*[@role="textbox"][1]');
    return await shown.innerText();
  }

  /** Opens the tab with the summary, the details and the summaries of the steps. */
  openMetadata(): Promise<void> {
    return this.#openTab('User Metadata');
  }

  /** Rendered in a frame of its own, as Markdown. */
  get summary(): FrameLocator {
    return this.#page.frameLocator('iframe[title="output"]').first();
  }

  get currentDetails(): FrameLocator {
    return this.#page.frameLocator('iframe[title="output"]').nth(1);
  }

  text(text: string | RegExp): Locator {
    return this.#page.getByText(text).first();
  }

  openPendingActivities(): Promise<void> {
    return this.#openTab('Pending Activities');
  }

  /** Chooses a name in the dialog; answers what the dialog says about it. */
  async choose(dialog: Dialog, name: string): Promise<string> {
    await this.#page.getByRole('button', { name: 'More Actions' }).click();
    await this.#page.getByRole('menuitem', { name: dialog }).click();
    await this.#dialog(dialog)
      .getByRole('button', { name: /^select an? (signal|update)$/i })
      .click();
    const option = this.#page.getByRole('option', { name: new RegExp(`^${name}\\b`) });
    const description = await option.innerText();
    await option.click();
    return description.replace(name, '').trim();
  }

  async submit(dialog: Dialog, argument?: object, picture?: string): Promise<void> {
    const box = this.#dialog(dialog);
    if (argument) {
      await box.getByRole('textbox').last().fill(JSON.stringify(argument));
      // Leaving the editor lays out the JSON and moves the button: a click on it straight away would miss.
      await box.getByRole('textbox').last().blur();
    }
    if (picture !== undefined) await this.picture(picture);
    await box.getByRole('button', { name: 'Submit' }).click();
    await box.waitFor({ state: 'hidden' });
  }

  async requestCancellation(): Promise<void> {
    await this.#page.getByRole('button', { name: 'Request Cancellation' }).click();
    const box = this.#page.getByRole('alertdialog').or(this.#page.getByRole('dialog'));
    await box.getByRole('button', { name: 'Confirm' }).click();
  }

  async picture(name: string): Promise<void> {
    const { pictures } = this.#options;
    if (pictures === undefined) return;
    await mkdir(pictures, { recursive: true });
    await this.#page.screenshot({ path: path.join(pictures, `${name}.png`), animations: 'disabled' });
  }

  async #openTab(name: string): Promise<void> {
    await this.#page.getByRole('link', { name }).or(this.#page.getByRole('tab', { name })).first().click();
  }

  #dialog(name: Dialog): Locator {
    return this.#page.getByRole('dialog', { name });
  }

  #namespaceUrl(): string {
    return `${this.#options.url}/namespaces/${encodeURIComponent(this.#options.namespace)}`;
  }
}
