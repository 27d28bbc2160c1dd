import { quoteIfNeeded } from '../../sql/quote';
import { formatPath, joinKey } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import type { CatalogPair } from './pair';

export function compareSettings({ source, target }: CatalogPair): Comparison {
  const getKey = ({ role = '', name, inDatabase }: (typeof source.settings)[number]): string =>
    joinKey(role, name.toLowerCase(), String(inDatabase ?? false));
  const here = new Map(target.settings.map((each) => [getKey(each), each]));
  return makeComparison(
    source.settings.flatMap((setting): Difference[] => {
      const { role, name, value, inDatabase } = setting;
      const found = here.get(getKey(setting));
      if (found?.value === value) return [];
      const database = target.database[0]?.name ?? 'database';
      const where = [
        role === undefined ? '' : `role ${quoteIfNeeded(role)}`,
        inDatabase ? 'this database' : '',
      ]
        .filter(Boolean)
        .join(' in ');
      return [
        {
          id: 'missing-setting',
          object: role === undefined ? formatPath(database) : quoteIfNeeded(role),
          message: `The setting ${name} of ${where || 'all'} ${found ? 'differs from the source' : 'is missing'}.`,
          source: `${name} = ${value}`,
          target: found ? `${name} = ${found.value}` : null,
          lost: [{ kind: 'settings', from: setting, ...(found ? { to: found } : {}) }],
        },
      ];
    }),
  );
}
