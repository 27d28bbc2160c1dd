#!/usr/bin/env node
import { packageVersion } from '../lib/cli/package';

const args = process.argv.slice(2);

// Scripts ask for it to see what is installed: nothing else is loaded for it.
if (args.length === 1 && args[0] === '--version') process.stdout.write(`${packageVersion()}\n`);
else void (require('../lib/cli/main') as typeof import('../lib/cli/main')).main(args);
