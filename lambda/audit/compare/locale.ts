import { quoteWhereNeeded } from '../../sql/quote';
import type { DatabaseProperties } from '../catalogue/database';
import { type Comparison, NONE, only } from './difference';
import type { Pair } from './pair';

/** Sort order and equality of texts: what was unique under one collation may not be under another. */
export function compareLocale({ source, target }: Pair): Comparison {
  const [from, to] = [source.database[0], target.database[0]];
  if (from === undefined || to === undefined) return NONE;
  // Neither a dump nor an SQLite file tells.
  if (from.collate === '') return NONE;
  const [before, now] = [words(from), words(to)];
  if (spelled(before) === spelled(now)) return NONE;
  return only([
    {
      id: 'locale-changed',
      object: quoteWhereNeeded(to.name),
      message:
        'The database has another encoding or locale than the source: texts sort and compare differently.',
      source: before,
      target: now,
      lost: [{ kind: 'database', from, to }],
    },
  ]);
}

const words = ({ encoding, collate, ctype, localeProvider = 'libc', locale }: DatabaseProperties): string =>
  `encoding ${encoding}, LC_COLLATE ${collate}, LC_CTYPE ${ctype}` +
  (localeProvider === 'libc' ? '' : `, ${localeProvider} ${locale ?? ''}`);

/** `en_US.UTF-8` and `en_US.utf8` are one. */
const spelled = (text: string): string => text.toLowerCase().replace(/utf-?8/g, 'utf8');
