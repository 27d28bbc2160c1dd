/** What a run comes to, in words: for CloudFormation, short. Pure. */
import type { Failure, FLEET_ATTRIBUTES, RunReport } from '../contract/fleet-run';
import { shorten } from '../deploy/reason';

const NAMED = 5;
const ATTRIBUTE_BYTES = 450;
/** Of what is said about all that are named together, so that the sentences after it are not cut off. */
const WHY_BYTES = 600;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** `1,200 tenants: 1,199 at version, 1 failed` */
export const statesText = ({ targets, states }: Pick<RunReport, 'targets' | 'states'>): string =>
  `${count(targets, 'tenant')}: ${
    Object.entries(states)
      .map(([state, n]) => `${n} ${state}`)
      .join(', ') || 'none looked at'
  }`;

/** `acme on main (failed): 0002_total, line 2: …` */
export function failuresText({ failures, wrong }: Pick<RunReport, 'failures' | 'wrong'>): string {
  const first = failures.slice(0, NAMED);
  const room = Math.floor(WHY_BYTES / Math.max(1, first.length));
  const shown = first.map(
    (each) => `${placed(each)}${each.why === '' ? '' : `: ${shorten(each.why, room).replace(/\.$/, '')}`}`,
  );
  const more = wrong - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ').replace(/\.?$/, '.');
}

const placed = ({ name, server, state }: Failure): string => `${name} on ${server} (${state})`;

/** As many as fit, and how many more there are: `acme on main (failed), globex on main (failed), and 3 more` */
function namesText({ failures, wrong }: RunReport): string {
  const names = failures.map(placed);
  for (;;) {
    const more = wrong - names.length;
    const text = [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
    if (names.length <= 1 || shorten(text, ATTRIBUTE_BYTES) === text) return text;
    names.pop();
  }
}

/** Why a run that came to its end is a failure; null where it is none. @param round from 1; later ones are about newcomers */
export function stoppedText(report: RunReport, tolerated: number, round: number): string | null {
  if (report.stopped === null) return null;
  const allowed =
    tolerated === 0 ? 'none is tolerated' : `${tolerated} ${tolerated === 1 ? 'is' : 'are'} tolerated`;
  const why = `${failuresText(report)} ${statesText(report)}.`;
  if (report.stopped === 'blocked')
    return `${round === 1 ? 'Nothing was changed' : 'Tenants came into the list during the deployment'}: ${count(report.wrong, 'tenant')} cannot be migrated, and ${allowed}. ${why}`;
  const wave = report.waves.at(-1)?.name ?? '';
  return `Stopped after wave ${wave}: ${count(report.wrong, 'tenant')} failed, and ${allowed}. ${why} What is done stays done; deploy again to continue.`;
}

/** What a person should know of a success. */
export const toleratedText = (report: RunReport): string[] =>
  report.wrong === 0
    ? []
    : [`${count(report.wrong, 'tenant')} tolerated and behind: ${failuresText(report)}`];

type Attributes = { readonly [K in (typeof FLEET_ATTRIBUTES)[keyof typeof FLEET_ATTRIBUTES]]: string };

/** Every attribute, always: CloudFormation fails a stack that asks for one that is not there. */
export function fleetAttributes(report: RunReport | null, warnings: readonly string[]): Attributes {
  const fit = (text: string): string => shorten(text, ATTRIBUTE_BYTES) || 'none';
  if (report === null)
    return {
      Tenants: 'unknown',
      Failed: 'unknown',
      Undone: '0',
      Kept: 'unknown',
      Warnings: fit(warnings.join('; ')),
    };
  const more = report.keptCount - report.kept.length;
  return {
    Tenants: fit(statesText(report)),
    Failed: report.wrong === 0 ? 'none' : fit(namesText(report)),
    Undone: String(report.undoneCount),
    Kept: fit(
      [
        ...report.kept.map(({ tenant, name, reason }) => `${tenant}: ${name} (${reason})`),
        ...(more > 0 ? [`and ${more} more`] : []),
      ].join(', '),
    ),
    Warnings: fit(warnings.join('; ')),
  };
}
