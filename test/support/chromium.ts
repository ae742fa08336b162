import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** As root in a closed network: no sandbox, and none of the browser's own calls home. */
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Undefined where there is a Chromium. */
export async function whyNoChromium(): Promise<string | undefined> {
  if ((await findChromium()) !== undefined) return undefined;
  return `no Chromium on PATH (${NAMES.join(', ')}) nor by CHROMIUM_PATH`;
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = await findChromium();
  return await chromium.launch({ ...(executablePath && { executablePath }), headless: true, args: SWITCHES });
}

/** By `CHROMIUM_PATH` or on `PATH`. */
async function findChromium(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const given = environment['CHROMIUM_PATH'];
  const folders = (environment['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const candidates = given ? [given] : NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate;
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
