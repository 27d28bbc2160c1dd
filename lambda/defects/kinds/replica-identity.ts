import type { Finding } from '../../audit/finding';
import { key, path } from '../../audit/names';
import type { Kind } from '../kind';
import { lost } from '../lost';

export const replicaIdentity: Kind = {
  id: 'replica-identity',
  title: 'A published table has no replica identity',
  impact: 'UPDATE and DELETE on the table fail with 55000.',
  origin: 'A publication of all tables, or of a schema, takes in tables that have no primary key.',
  audit: {
    grades: {
      B: 'the source has another replica identity, and the target publishes something',
      C: 'a publication that publishes updates or deletes has a table without a key',
    },
    remedy:
      'Add a primary key; or ALTER TABLE … REPLICA IDENTITY USING INDEX on a unique index without NULLs; or REPLICA IDENTITY FULL, which makes each change carry the whole row.',
    unwritten: 'by what a changed row is found is for a person to decide',
    find: (evidence) => {
      const found = lost('replica-identity', evidence);
      const known = new Set(found.map(({ object }) => object));
      const { publications, tables, indexes } = evidence.target.catalogue;
      const keyed = new Set(
        indexes.filter(({ primary }) => primary).map(({ schema, table }) => key(schema, table)),
      );
      const odd = tables.flatMap(({ schema, name, kind, replicaIdentity: by }): Finding[] => {
        const object = path(schema, name);
        if (kind !== 'table' || by === 'full' || by === 'index' || known.has(object)) return [];
        if (keyed.has(key(schema, name)) && by !== 'nothing') return [];
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
            grade: 'C',
            object,
            message: `${object} is published by ${path(through.name)}, and has nothing by which a changed row is found.`,
            evidence: [],
          },
        ];
      });
      return [...found, ...odd];
    },
  },
};
