#!/usr/bin/env node
import { packageVersion } from '../lib/package';

const args = process.argv.slice(2);

// `--version` loads nothing else: scripts call it to see which version is installed.
if (args.length === 1 && args[0] === '--version') process.stdout.write(`${packageVersion()}\n`);
else void (require('../lib/cli/main') as typeof import('../lib/cli/main')).main(args);
