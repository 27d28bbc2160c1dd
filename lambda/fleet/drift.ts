/** Summarizes the checks of many tenants in one report, by finding. Pure. */
import type { AuditDrift } from '../contract/audit-findings';
import { describeError, type ErrorInfo } from '../contract/errors';
import type { FleetDrift, FleetFinding } from '../contract/fleet-drift';
import type { Verification } from '../contract/status';
import type { WorkloadDrift } from '../contract/workload';
import { UNDECIDED_REASONS } from '../workload/words';

export interface CheckedTenant {
  /** Name: `database`, or `database/schema`. */
  readonly name: string;
  readonly verification: Verification;
  /** @default - the tenant has no guaranteed workload */
  readonly workload?: WorkloadDrift | null;
  /** Why this login could not run some verify sections. @default - all were run */
  readonly notChecked?: string;
}

/** A tenant, or a database that may hold some. */
export interface NotCheckedTenant {
  readonly name: string;
  /** The reason, as a sentence. */
  readonly why: string;
}

export interface CheckedDatabase {
  readonly name: string;
  /** Why the database could not be queried. @default - it was queried */
  readonly error?: ErrorInfo;
  /** The audit's result. @default - the database was not due for an audit */
  readonly audit?: AuditDrift;
}

/** The reason of a statement that is undecided because the role lacks a privilege. */
const NO_PERMISSION_REASON = 'permission';
const MAX_NAMED_FINDINGS = 5;
const MAX_TEXT_LENGTH = 300;

export function summarizeFleetDrift(
  tenants: readonly CheckedTenant[],
  databases: readonly CheckedDatabase[],
  rest: Pick<FleetDrift, 'notReached' | 'deploying' | 'logging'>,
  notChecked: readonly NotCheckedTenant[] = [],
): FleetDrift {
  const audits = databases.flatMap(({ audit }) => (audit ? [audit] : []));
  const found = new Map<string, { names: Set<string>; example: string }>();
  const add = (kind: string, name: string, example: string): void => {
    const each = found.get(kind) ?? { names: new Set(), example: shortenText(example) };
    found.set(kind, each);
    each.names.add(name);
  };
  for (const { name, verification, workload = null, notChecked: hidden } of tenants) {
    const { findings, errors, pending, notChecked: unchecked = [] } = verification;
    if (findings[0]) add('drift', name, `${findings[0].migration}: ${findings[0].sentence}`);
    else if (errors[0]) add('verify-error', name, describeError(errors[0]));
    if (unchecked[0]) add('not-checked', name, `${unchecked[0].migration}: ${unchecked[0].code.join('; ')}`);
    if (pending[0]) add('pending', name, `${pending.length} pending, the first is ${pending[0]}`);
    if (hidden !== undefined) add('not-readable', name, hidden);
    if (workload === null) continue;
    if (workload.broken > 0)
      add('workload', name, `${workload.broken} of ${workload.statements} statements no longer plan`);
    const notPlanned = workload.undecided[NO_PERMISSION_REASON] ?? 0;
    if (workload.problem !== null) add('not-readable', name, workload.problem);
    else if (notPlanned > 0)
      add(
        'not-readable',
        name,
        `of ${notPlanned} of ${workload.statements} statements: ${UNDECIDED_REASONS[NO_PERMISSION_REASON]}`,
      );
  }
  for (const { name, why } of notChecked) add('not-readable', name, why);
  for (const { name, error, audit } of databases) {
    if (error) add('unreachable', name, describeError(error));
    for (const { id, object, message } of audit?.named ?? []) add(id, name, `${object}: ${message}`);
  }
  const kept = audits.filter(({ unpaged }) => unpaged !== null);
  return {
    checked: tenants.filter(
      ({ notChecked: hidden, verification }) => !hidden || verification.findings.length > 0,
    ).length,
    audited: audits.length,
    findings: [...found]
      .map(([kind, { names, example }]): FleetFinding => {
        const all = [...names].sort();
        return { kind, tenants: all.length, first: all.slice(0, MAX_NAMED_FINDINGS), example };
      })
      .sort((a, b) => b.tenants - a.tenants || (a.kind < b.kind ? -1 : 1)),
    unpaged:
      audits.length > 0 && kept.length === 0 ? null : kept.reduce((sum, { unpaged }) => sum + unpaged!, 0),
    ...rest,
  };
}

/** Returns the number of tenants that have a finding of this kind. */
export const countTenantsWith = ({ findings: kinds }: FleetDrift, kind: string): number =>
  kinds.find((each) => each.kind === kind)?.tenants ?? 0;

const shortenText = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH).replace(/[\ud800-\udbff]$/, '')}…` : text;
