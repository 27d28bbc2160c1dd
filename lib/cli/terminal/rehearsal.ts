/** A rehearsal in words: what fails first, then what is not known. */
import { type Broken, type Rehearsal, refused, shareUndecided } from '../../workload/rehearsal';
import { EXIT, type ExitCode } from '../exit-codes';
import { hang, plural, type Stream, type Terminal } from './terminal';

const SHOWN = 20;
const TEXT_LENGTH = 300;

/** @param where the database, for people */
export function printRehearsal(
  { out }: Terminal,
  rehearsal: Rehearsal,
  where: string,
  maxUndecided: number,
): void {
  const { statements, plan, broken, undecided } = rehearsal;
  for (const each of broken.slice(0, SHOWN)) printBroken(out, each);
  if (broken.length > SHOWN) out.line(`… and ${broken.length - SHOWN} more; --json lists them all.`);
  for (const { text, since } of (rehearsal.doubtful ?? []).slice(0, SHOWN)) {
    out.line(
      `${out.colors.yellow('warning')}  It planned until ${since} was applied, and whether it still does cannot be told:`,
    );
    hang(out, '  ', shortened(text));
  }
  for (const { why, texts } of undecided) hang(out, 'undecided  ', `${texts.length} × ${why}`);
  const open = undecided.reduce((sum, { texts }) => sum + texts.length, 0);
  out.line(
    `${out.colors.bold(where)}: ${plural(statements, 'statement')}, ${plan} ${plan === 1 ? 'plans' : 'plan'}, ` +
      `${broken.length === 0 ? 'none' : broken.length} broken, ${open === 0 ? 'none' : open} undecided.`,
  );
  if (statements === 0) out.line('There is nothing to plan, so nothing is proved.');
  else if (isDark(rehearsal, maxUndecided))
    hang(
      out,
      '',
      `Too much is undecided: ${percent(shareUndecided(rehearsal))}, and --max-undecided is ${maxUndecided} %.`,
    );
}

function printBroken(out: Stream, broken: Broken): void {
  const { text, senders, calls, verdict, cause, repair, brokenBy, consent } = broken;
  const { colors } = out;
  const roles = [...new Set(senders.flatMap(({ role }) => role ?? []))];
  const facts = [
    calls === null ? '' : `${plural(calls, 'call')}`,
    roles.length === 0 ? '' : `sent by ${roles.join(', ')}`,
  ].filter(Boolean);
  const outcome = verdict.outcome === 'fails' ? 'fails' : 'would fail';
  out.line(
    `${colors.red(outcome)}  ${colors.bold(verdict.sqlstate)}${facts.length > 0 ? `  ${facts.join(', ')}` : ''}`,
  );
  hang(out, '  ', shortened(text));
  const object = verdict.outcome === 'would-fail' ? ` (${verdict.relation}: ${verdict.object})` : '';
  hang(out, '  - ', `${verdict.why}${object}`);
  if (consent !== undefined) hang(out, '  - ', `${brokenBy} consents to that: ${consent}`);
  else if (brokenBy !== undefined) hang(out, '  - ', `It could be planned until ${brokenBy} was applied.`);
  for (const sentence of cause) hang(out, '  - ', sentence);
  for (const sql of repair?.sql ?? []) out.line(`      ${sql}`);
}

const shortened = (text: string): string =>
  text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

const isDark = (rehearsal: Rehearsal, maxUndecided: number): boolean =>
  shareUndecided(rehearsal) * 100 > maxUndecided;

export function rehearsalExitCode(rehearsal: Rehearsal, maxUndecided: number): ExitCode {
  if (refused(rehearsal).length > 0) return EXIT.drifted;
  return rehearsal.statements === 0 || isDark(rehearsal, maxUndecided) ? EXIT.failed : EXIT.ok;
}
