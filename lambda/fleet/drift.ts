/** Of many tenants' checks, one report: by kind. Pure. */
import type { AuditDrift } from '../contract/audit';
import { describeError, type ErrorInfo } from '../contract/errors';
import type { FleetDrift, FleetFinding } from '../contract/fleet-drift';
import type { Verification } from '../contract/status';
import type { WorkloadDrift } from '../contract/workload';
import { UNDECIDED } from '../workload/words';

export interface TenantSeen {
  /** `database`, or `database/schema`. */
  readonly name: string;
  readonly verification: Verification;
  /** @default - none is promised */
  readonly workload?: WorkloadDrift | null;
  /** Why some verify sections could not be asked with this login. @default - all were */
  readonly notSeen?: string;
}

/** A tenant, or a database that may hold some. */
export interface NotSeen {
  readonly name: string;
  /** A sentence. */
  readonly why: string;
}

export interface DatabaseSeen {
  readonly name: string;
  /** It could not be asked. @default - it could */
  readonly error?: ErrorInfo;
  /** @default - it was not its turn */
  readonly audit?: AuditDrift;
}

/** Why a statement is undecided. */
const NO_RIGHT = 'permission';
const NAMED = 5;
const LONGEST = 300;

export function fleetDrift(
  tenants: readonly TenantSeen[],
  databases: readonly DatabaseSeen[],
  rest: Pick<FleetDrift, 'notReached' | 'deploying' | 'logging'>,
  notSeen: readonly NotSeen[] = [],
): FleetDrift {
  const audits = databases.flatMap(({ audit }) => (audit ? [audit] : []));
  const found = new Map<string, { names: Set<string>; example: string }>();
  const add = (kind: string, name: string, example: string): void => {
    const each = found.get(kind) ?? { names: new Set(), example: short(example) };
    found.set(kind, each);
    each.names.add(name);
  };
  for (const { name, verification, workload = null, notSeen: hidden } of tenants) {
    const { findings, errors, pending } = verification;
    if (findings[0]) add('drift', name, `${findings[0].migration}: ${findings[0].sentence}`);
    else if (errors[0]) add('unproved', name, describeError(errors[0]));
    if (pending[0]) add('pending', name, `${pending.length} pending, the first is ${pending[0]}`);
    if (hidden !== undefined) add('not-seen', name, hidden);
    if (workload === null) continue;
    if (workload.broken > 0)
      add('workload', name, `${workload.broken} of ${workload.statements} statements no longer plan`);
    const unasked = workload.undecided[NO_RIGHT] ?? 0;
    if (workload.problem !== null) add('not-seen', name, workload.problem);
    else if (unasked > 0)
      add('not-seen', name, `of ${unasked} of ${workload.statements} statements: ${UNDECIDED[NO_RIGHT]}`);
  }
  for (const { name, why } of notSeen) add('not-seen', name, why);
  for (const { name, error, audit } of databases) {
    if (error) add('unreachable', name, describeError(error));
    for (const { id, object, message } of audit?.named ?? []) add(id, name, `${object}: ${message}`);
  }
  const kept = audits.filter(({ unpaged }) => unpaged !== null);
  return {
    looked: tenants.filter(({ notSeen: hidden, verification }) => !hidden || verification.findings.length > 0)
      .length,
    audited: audits.length,
    kinds: [...found]
      .map(([kind, { names, example }]): FleetFinding => {
        const all = [...names].sort();
        return { kind, tenants: all.length, first: all.slice(0, NAMED), example };
      })
      .sort((a, b) => b.tenants - a.tenants || (a.kind < b.kind ? -1 : 1)),
    unpaged:
      audits.length > 0 && kept.length === 0 ? null : kept.reduce((sum, { unpaged }) => sum + unpaged!, 0),
    ...rest,
  };
}

/** How many tenants have a finding of this kind. */
export const tenantsWith = ({ kinds }: FleetDrift, kind: string): number =>
  kinds.find((each) => each.kind === kind)?.tenants ?? 0;

const short = (text: string): string =>
  text.length > LONGEST ? `${text.slice(0, LONGEST).replace(/[\ud800-\udbff]$/, '')}…` : text;
