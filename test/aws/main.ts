/** `npm run test:aws`: tries in an AWS account what Trueup assumes of AWS. docs/testing-aws.md. */
import { connect } from './aws';
import { EXIT, HELP, parseOptions, Refusal } from './options';
import { policyFor, policyText } from './policy';
import { run } from './run';
import { STEPS } from './steps';
import { sweep } from './sweep';
import { terminal } from './terminal';

async function main(): Promise<number> {
  const options = parseOptions(
    process.argv.slice(2),
    STEPS.map(({ id }) => id),
  );
  if (options.mode === 'help') {
    const steps = STEPS.map(({ id, part, title }) => `  ${id.padEnd(20)}${part.padEnd(10)}${title}`);
    process.stdout.write(`${HELP}\n\nSteps, and what is made for them:\n${steps.join('\n')}\n`);
    return EXIT.ok;
  }
  if (options.mode === 'policy') {
    process.stdout.write(`${policyText(policyFor(options.target, options.parts))}\n`);
    return EXIT.ok;
  }
  if (process.env.CI && !process.env.AWS_ENDPOINT_URL)
    throw new Refusal('This is never run in CI: it makes things in an account, and a person decides that.');
  const aws = await connect(options);
  return options.mode === 'sweep' ? sweep(aws, options, terminal) : run(aws, options, terminal);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    terminal.line(error instanceof Refusal ? error.message : `${error.name}: ${error.message}`);
    process.exitCode = error instanceof Refusal ? EXIT.refused : EXIT.notSettled;
  },
);
