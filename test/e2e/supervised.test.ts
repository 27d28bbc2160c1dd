/** Whatever becomes of the test run, nothing of it stays. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runToEnd, supervised, temporaryFolder } from './support/supervised';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !holds(); await sleep(100)) {
    if (Date.now() > end) throw new Error('It did not come about.');
  }
}

/** Writes its own pid and that of a child of its own, and ignores a polite end. */
const STUBBORN = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  process.on('SIGTERM', () => {});
  require('node:fs').writeFileSync('writing', JSON.stringify([process.pid, child.pid]));
  require('node:fs').renameSync('writing', 'pids');
  setInterval(() => {}, 1000);`;

test('a killed run takes its children, their children and its folder with it', async () => {
  const outer = temporaryFolder('trueup-supervised-');
  try {
    const script = join(outer.path, 'run.ts');
    writeFileSync(
      script,
      `import { writeFileSync } from 'node:fs';
      import { supervised, temporaryFolder } from ${JSON.stringify(join(__dirname, 'support', 'supervised'))};
      const { path } = temporaryFolder('trueup-supervised-');
      supervised([process.execPath, '-e', ${JSON.stringify(STUBBORN)}], { cwd: path, env: process.env });
      writeFileSync(${JSON.stringify(join(outer.path, 'folder'))}, path);
      setInterval(() => {}, 1000);`,
    );
    const run = spawn(process.execPath, ['--import', require.resolve('tsx'), script], { stdio: 'inherit' });
    await until(() => existsSync(join(outer.path, 'folder')));
    const folder = readFileSync(join(outer.path, 'folder'), 'utf8');
    await until(() => existsSync(join(folder, 'pids')));
    const pids = JSON.parse(readFileSync(join(folder, 'pids'), 'utf8')) as number[];
    expect(pids.map(isAlive)).toEqual([true, true]);

    run.kill('SIGKILL');
    await until(() => !pids.some(isAlive) && !existsSync(folder));
  } finally {
    outer.remove();
  }
});

test('stop ends a child that does not listen', async () => {
  const folder = temporaryFolder('trueup-supervised-');
  try {
    const child = supervised([process.execPath, '-e', STUBBORN], { cwd: folder.path, env: process.env });
    await until(() => existsSync(join(folder.path, 'pids')));
    const pids = JSON.parse(readFileSync(join(folder.path, 'pids'), 'utf8')) as number[];
    await child.stop();
    // The killed shell leaves it to the system to collect what is dead.
    await until(() => !pids.some(isAlive));
  } finally {
    folder.remove();
  }
});

test('output and exit status are the command’s, and a command that takes too long is ended', async () => {
  const options = { cwd: __dirname, env: process.env, timeoutMs: 10_000 };
  const ended = await runToEnd(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'], options);
  expect(ended).toMatchObject({ exitCode: 3, output: 'out\nerr\n' });
  const late = await runToEnd([process.execPath, '-e', 'setTimeout(() => {}, 60000)'], {
    ...options,
    timeoutMs: 300,
  });
  expect(late.output).toContain('ended by the test after 300 ms');
});
