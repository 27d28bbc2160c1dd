import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { atEndOfFile } from './end-of-file';

const folders: string[] = [];

atEndOfFile(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
  folders.push(folder);
  return folder;
}

/** A TypeScript file of test/support as one script, which starts in a tenth of a second. */
export function bundled(name: string): string {
  const outfile = join(temporaryFolder(), `${name}.cjs`);
  buildSync({
    entryPoints: [join(__dirname, `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    logLevel: 'error',
  });
  return outfile;
}

export function writeJson(value: unknown): string {
  const file = join(temporaryFolder(), 'value.json');
  writeFileSync(file, JSON.stringify(value));
  return file;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

export function runScript(script: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  return new Promise((done) => child.once('close', (code, signal) => done({ code, signal, stdout })));
}

/** A script that the test itself kills. */
export function startScript(
  script: string,
  args: readonly string[],
): { kill(): void; readonly ended: Promise<void> } {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  return { kill: () => void child.kill('SIGKILL'), ended };
}
