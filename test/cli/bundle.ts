/** The program in one file: it starts in half the time. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** @param entry `lib/cli/main` for its exports, which a test calls in its own process */
export function bundleProgram(outfile: string, entry = 'bin/trueup'): void {
  buildSync({
    entryPoints: [join(__dirname, '../..', `${entry}.ts`)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    // In one file, every module would take itself for the one that was started.
    define: { 'require.main': 'undefined' },
    // Node.js cannot import() from a script whose machine code it has read (ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING).
    supported: { 'dynamic-import': false },
    logLevel: 'error',
  });
}

/**
 * A script that runs `program` with V8's machine code of it, which is read instead of made: a quarter of the processor time
 * of a short command. Where the code does not fit (another Node.js, other flags), V8 compiles the program as ever.
 */
export function writeStarter(starter: string, program: string): void {
  const code = `${starter}.code`;
  const script = (data: string, atEnd: string) => `
    const { readFileSync, writeFileSync } = require('node:fs');
    const { createRequire, wrap } = require('node:module');
    const { Script } = require('node:vm');
    const filename = ${JSON.stringify(program)};
    process.argv[1] = filename;
    const script = new Script(wrap(readFileSync(filename, 'utf8').replace(/^#!/, '//')), {
      filename,
      cachedData: ${data},
    });
    ${atEnd}
    const module_ = { exports: {} };
    const run = script.runInThisContext();
    run.call(module_.exports, module_.exports, createRequire(filename), module_, filename, ${JSON.stringify(join(program, '..'))});`;
  // V8 has machine code of the functions that ran: those of a short command.
  writeFileSync(
    starter,
    script(
      'undefined',
      `process.on('exit', () => writeFileSync(${JSON.stringify(code)}, script.createCachedData()));`,
    ),
  );
  execFileSync(process.execPath, [starter, 'check', join(__dirname, '../data/people')], { stdio: 'ignore' });
  writeFileSync(starter, script(`readFileSync(${JSON.stringify(code)})`, ''));
}
