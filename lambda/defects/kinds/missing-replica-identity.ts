import type { Finding } from '../../audit/finding';
import { formatPath, joinKey } from '../../audit/names';
import type { FindingKind } from '../kind';
import { findLost } from '../lost-kind';

export const missingReplicaIdentity: FindingKind = {
  id: 'missing-replica-identity',
  title: 'A published table has no replica identity',
  impact: 'UPDATE and DELETE on the table fail with 55000.',
  origin: 'A publication of all tables, or of a schema, includes tables that have no primary key.',
  audit: {
    confidences: {
      B: 'the replica identity differs from the source, and the target has a publication',
      C: 'a publication that publishes updates or deletes has a table without a key',
    },
    remedy:
      'Add a primary key; or ALTER TABLE … REPLICA IDENTITY USING INDEX on a unique index without NULLs; or REPLICA IDENTITY FULL, which makes each change carry the whole row.',
    unwritten: 'a person must decide which columns identify a changed row',
    find: (evidence) => {
      const found = findLost('missing-replica-identity', evidence);
      const known = new Set(found.map(({ object }) => object));
      const { publications, tables, indexes } = evidence.target.catalog;
      const keyed = new Set(
        indexes.filter(({ primary }) => primary).map(({ schema, table }) => joinKey(schema, table)),
      );
      const odd = tables.flatMap(({ schema, name, kind, replicaIdentity: by }): Finding[] => {
        const object = formatPath(schema, name);
        if (kind !== 'table' || by === 'full' || by === 'index' || known.has(object)) return [];
        if (keyed.has(joinKey(schema, name)) && by !== 'nothing') return [];
        const through = publications.find(
          ({ allTables, tables: listed = [], schemas = [], publishes }) =>
            publishes.some((each) => each === 'update' || each === 'delete') &&
            (allTables ||
              schemas.includes(schema) ||
              listed.some((each) => each.schema === schema && each.name === name)),
        );
        if (through === undefined) return [];
        return [
          {
            confidence: 'C',
            object,
            message: `${object} is published by ${formatPath(through.name)} without a replica identity.`,
            evidence: [],
          },
        ];
      });
      return [...found, ...odd];
    },
  },
};
