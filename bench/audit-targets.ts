/** What the audit of many tables has to reach, and its rows. */
import { INSTALL } from '../test/campaign/pg-delta/installed';
import type { AuditMeasured, AuditRun, Changed } from './audit';
import { seconds, type Target } from './targets';

/** Pure. The targets are those of 10,000 tables; of fewer, time and memory have room to spare. */
export function judgeAudit({ snapshot, audit, few, alone, pgDelta: peer }: AuditMeasured): Target[] {
  const atMost = (what: string, value: number, limit: number, unit: string): Target => ({
    what,
    wanted: `≤ ${limit} ${unit}`,
    reached: `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`,
    met: value <= limit,
  });
  const ofRun = (run: AuditRun): Target[] => [
    atMost(run.what, run.ms / 1_000, 10, 's'),
    ...(run.memoryMb === null ? [] : [atMost(`memory of the ${run.what}`, run.memoryMb, 300, 'MB')]),
  ];
  return [snapshot, audit]
    .flatMap((run) => [
      ...ofRun(run),
      atMost(
        `longest change of a table beside the ${run.what}, more than alone`,
        Math.max(0, run.changed.longestMs - alone.longestMs),
        100,
        'ms',
      ),
    ])
    .concat(
      ofRun(few),
      peer === null
        ? []
        : [
            {
              what: "snapshot and audit, of pg-delta's",
              wanted: '≤ 1',
              reached: ((snapshot.ms + audit.ms) / peer.ms).toFixed(2),
              met: snapshot.ms + audit.ms <= peer.ms,
            },
          ],
    );
}

export const auditRows = ({ snapshot, audit, few, alone, pgDelta: peer }: AuditMeasured): string[][] => {
  const row = (what: string, run: AuditRun | null, changed: Changed | null): string[] => [
    what,
    run ? seconds(run.ms) : '–',
    run?.memoryMb ? `${run.memoryMb.toFixed(0)} MB` : '–',
    changed ? `${changed.longestMs.toFixed(0)} ms` : '–',
    changed ? String(changed.count) : '–',
  ];
  return [
    row('nobody looks', null, alone),
    row('snapshot', snapshot, snapshot.changed),
    row('audit', audit, audit.changed),
    row(few.what, few, null),
    ...(peer ? [row('pg-delta', peer, null)] : []),
  ];
};

export const WITHOUT_PEER = `pg-delta is not installed, so it is left out: ${INSTALL}`;
