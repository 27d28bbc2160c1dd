/**
 * `npm start`: the acts of `trueup demo`, and those that need a stand-in for AWS, which the package does not carry.
 * With a folder and a database it does what `trueup demo` does with them.
 */
import { main } from '../../lib/cli/main';
import { handleInterrupt } from '../../lib/cli/terminal/interrupt';
import { reportFailure } from '../../lib/cli/terminal/report';
import { openTerminal, watchOutput } from '../../lib/cli/terminal/terminal';
import { suppressExpectedWarnings } from '../../lib/cli/terminal/warnings';
import { playDemo } from '../../lib/demo';
import { makeCertificates } from '../support/certificates';
import { rollback } from './rollback';

const SWITCHES = new Set(['--json', '--no-color', '-q', '--quiet']);

async function play(given: ReadonlySet<string>): Promise<void> {
  watchOutput();
  suppressExpectedWarnings();
  const terminal = openTerminal({
    json: given.has('--json'),
    color: !given.has('--no-color'),
    quiet: given.has('--quiet') || given.has('-q'),
  });
  handleInterrupt(terminal);
  try {
    // The deployed functions accept only a server whose certificate they can verify.
    const certificates = await makeCertificates();
    process.exitCode = await playDemo(terminal, { more: [rollback(certificates.ca)], certificates });
  } catch (error) {
    process.exitCode = reportFailure(terminal, error);
  }
}

const args = process.argv.slice(2);
if (args.every((arg) => SWITCHES.has(arg))) void play(new Set(args));
else void main(['demo', ...args]);
