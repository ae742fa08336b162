import assert from 'node:assert/strict';
import { Terminal, type TerminalOptions } from '../../local/terminal.ts';

describe('the terminal', () => {
  it('updates one line in place, cut to the width, and keeps other lines above it', () => {
    const { terminal, written } = on({ isTTY: true, columns: 10 });
    terminal.progress('published 1/9');
    terminal.line('news');
    terminal.endProgress();
    assert.equal(written(), '\r\u001B[2Kpublished\r\u001B[2Knews\n\r\u001B[2Kpublished\r\u001B[2K');
  });

  it('writes plain lines, not too often, where the output is no terminal', () => {
    let now = 0;
    const { terminal, written } = on({ isTTY: false }, { plainIntervalMs: 100, now: () => now });
    for (const text of ['one', 'two']) terminal.progress(text);
    now = 100;
    terminal.progress('three');
    terminal.line('news');
    assert.equal(written(), 'one\nthree\nnews\n');
  });

  it('shows no progress and no news when quiet', () => {
    const { terminal, written } = on({ isTTY: true }, { quiet: true });
    terminal.progress('published 1/9');
    terminal.note('up');
    terminal.line('summary');
    assert.equal(written(), 'summary\n');
  });
});

function on(stream: { isTTY: boolean; columns?: number }, options: TerminalOptions = {}) {
  const chunks: string[] = [];
  const terminal = new Terminal({ ...stream, write: (text) => chunks.push(text) }, options);
  return { terminal, written: () => chunks.join('') };
}
