/**
 * Plays the examples of a Markdown file: `console` blocks with commands after `$ ` and what they print, and files that
 * a comment `<!-- file: path -->` names before a code block.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Player {
  /** Where files are written. */
  readonly folder: string;
  /** What the command prints, as in a terminal. */
  readonly run: (command: string) => Promise<string>;
}

interface Block {
  readonly info: string;
  readonly text: string;
  readonly file: string | undefined;
  /** Offset of the text in the document. */
  readonly at: number;
}

const BLOCK = /(?:^<!-- file: (\S+) -->\n)?^```(\w+)\n([\s\S]*?)^```$/gm;

function blocksOf(document: string): Block[] {
  return [...document.matchAll(BLOCK)].map((found) => ({
    file: found[1],
    info: found[2]!,
    text: found[3]!,
    at: found.index + found[0].length - found[3]!.length - '```'.length,
  }));
}

/** Times, ports and names of databases differ from run to run. */
const normalize = (text: string): string =>
  text
    .replace(/\S+@127\.0\.0\.1:\d+\/\w+/g, 'app@localhost:5432/shop')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, '2026-11-21 09:15 UTC')
    .replace(/\b\d+(\.\d)? (ms|s)\b/g, '12 ms')
    .replace(/PostgreSQL 18\.\d+/g, 'PostgreSQL 18.4')
    .replace(/\bpid \d+/g, 'pid 4711');

/** @returns the document as it should be: equal to the given one when every example is true */
export async function play(written: string, player: Player): Promise<string> {
  let played = '';
  let end = 0;
  for (const block of blocksOf(written)) {
    played += written.slice(end, block.at);
    end = block.at + block.text.length;
    if (block.file !== undefined) {
      mkdirSync(dirname(join(player.folder, block.file)), { recursive: true });
      writeFileSync(join(player.folder, block.file), block.text);
    }
    played += block.info === 'console' ? await playBlock(block.text, player) : block.text;
  }
  return played + written.slice(end);
}

async function playBlock(text: string, player: Player): Promise<string> {
  let played = '';
  for (const part of text.split(/^(?=\$ )/m)) {
    if (!part.startsWith('$ ')) throw new Error(`a console block begins with a command, not with ${part}`);
    const command = part.slice(2, part.indexOf('\n'));
    const output = normalize(await player.run(command));
    // What is the same but for what varies stays as it was written.
    const expected = part.slice(part.indexOf('\n') + 1).replace(/\n$/, '');
    const same = normalize(expected).trimEnd() === output.trimEnd();
    played += same ? part : `$ ${command}\n${output === '' ? '' : `${output.trimEnd()}\n`}`;
  }
  return played;
}
