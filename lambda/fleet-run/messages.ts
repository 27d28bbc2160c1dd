/** Describes a run's results in short texts for CloudFormation. Pure. */
import type { FLEET_ATTRIBUTES, RunReport, TenantFailure } from '../contract/fleet-run';
import { shortenToBytes } from '../deploy/reason';

const MAX_NAMED_FAILURES = 5;
const MAX_ATTRIBUTE_BYTES = 450;
/** Maximum length of the text about all failed tenants together, so that the sentences after it are not cut off. */
const MAX_REASON_BYTES = 600;

/** Sentence about what a deployment did before it failed. CloudFormation nearly always rolls back then. */
export const ROLLBACK_FOLLOWS =
  'A rollback undoes what it safely can; what else was done is recorded, and the next deployment continues from there.';

const formatCount = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** `1,200 tenants: 1,199 up to date, 1 failed` */
export const formatStates = ({ tenantCount, states }: Pick<RunReport, 'tenantCount' | 'states'>): string =>
  `${formatCount(tenantCount, 'tenant')}: ${
    Object.entries(states)
      .map(([state, n]) => `${n} ${state}`)
      .join(', ') || 'none inspected'
  }`;

/** `acme on main (failed): 0002_total, line 2: …` */
export function formatFailures({ failures, wrong }: Pick<RunReport, 'failures' | 'wrong'>): string {
  const first = failures.slice(0, MAX_NAMED_FAILURES);
  const room = Math.floor(MAX_REASON_BYTES / Math.max(1, first.length));
  const shown = first.map(
    (each) =>
      `${formatFailurePlace(each)}${each.why === '' ? '' : `: ${shortenToBytes(each.why, room).replace(/\.$/, '')}`}`,
  );
  const more = wrong - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ').replace(/\.?$/, '.');
}

const formatFailurePlace = ({ name, server, state }: TenantFailure): string =>
  `${name} on ${server} (${state})`;

/**
 * Joins as many names as fit, and the number of the others: `acme on main (failed), globex on main (failed), and 3
 * more`
 */
function formatNames({ failures, wrong }: RunReport): string {
  const names = failures.map(formatFailurePlace);
  for (;;) {
    const more = wrong - names.length;
    const text = [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
    if (names.length <= 1 || shortenToBytes(text, MAX_ATTRIBUTE_BYTES) === text) return text;
    names.pop();
  }
}

/**
 * Explains why a completed run is a failure; null if it is not. @param round number from 1; later rounds are about
 * tenants that were added to the list
 */
export function describeStop(report: RunReport, maxFailures: number, round: number): string | null {
  if (report.stopped === null) return null;
  const allowed = describeAllowedFailures(maxFailures);
  const why = `${formatFailures(report)} ${formatStates(report)}.`;
  if (report.stopped === 'blocked')
    return `${round === 1 ? 'Nothing was changed' : 'Tenants were added to the list during the deployment'}: ${formatCount(report.wrong, 'tenant')} cannot be migrated, and ${allowed}. ${why}`;
  const wave = report.waves.at(-1)?.name ?? '';
  return `Stopped after wave ${wave}: ${formatCount(report.wrong, 'tenant')} failed, and ${allowed}. ${why} ${ROLLBACK_FOLLOWS}`;
}

/** Explains why a run whose waves are all done is a failure: tenants do not exist that the list still has. */
export const describeMissing = (report: RunReport, maxFailures: number): string =>
  `All waves are done: ${formatCount(report.wrong, 'tenant')} failed, and ${describeAllowedFailures(maxFailures)}. ${formatFailures(report)} ${formatStates(report)}. ${ROLLBACK_FOLLOWS}`;

const describeAllowedFailures = (maxFailures: number): string =>
  maxFailures === 0 ? 'none may fail' : `at most ${maxFailures} may fail`;

/** Returns the warnings of a successful run. */
export const listToleratedWarnings = (report: RunReport): string[] =>
  report.wrong === 0
    ? []
    : [
        `${formatCount(report.wrong, 'tenant')} within the failure limit and behind: ${formatFailures(report)}`,
      ];

type FleetAttributes = { readonly [K in (typeof FLEET_ATTRIBUTES)[keyof typeof FLEET_ATTRIBUTES]]: string };

/**
 * Builds the attributes. Every response contains all of them: CloudFormation fails a stack that refers to a missing
 * one.
 */
export function buildFleetAttributes(report: RunReport | null, warnings: readonly string[]): FleetAttributes {
  const fit = (text: string): string => shortenToBytes(text, MAX_ATTRIBUTE_BYTES) || 'none';
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
    Tenants: fit(formatStates(report)),
    Failed: report.wrong === 0 ? 'none' : fit(formatNames(report)),
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
