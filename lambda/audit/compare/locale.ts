import { quoteIfNeeded } from '../../sql/quote';
import type { DatabaseProperties } from '../catalog/database';
import { type Comparison, makeComparison, NO_DIFFERENCES } from './difference';
import type { CatalogPair } from './pair';

/**
 * Compares encoding and locale, which decide sort order and equality: values that are unique under one collation may be
 * equal under another.
 */
export function compareLocale({ source, target }: CatalogPair): Comparison {
  const [from, to] = [source.database[0], target.database[0]];
  if (from === undefined || to === undefined) return NO_DIFFERENCES;
  // Neither a dump nor an SQLite file states the locale.
  if (from.collate === '') return NO_DIFFERENCES;
  const [before, now] = [formatLocale(from), formatLocale(to)];
  if (normalizeEncodingName(before) === normalizeEncodingName(now)) return NO_DIFFERENCES;
  return makeComparison([
    {
      id: 'locale-changed',
      object: quoteIfNeeded(to.name),
      message:
        'The encoding or locale of the database differs from the source: text sorts and compares differently.',
      source: before,
      target: now,
      lost: [{ kind: 'database', from, to }],
    },
  ]);
}

const formatLocale = ({
  encoding,
  collate,
  ctype,
  localeProvider = 'libc',
  locale,
}: DatabaseProperties): string =>
  `encoding ${encoding}, LC_COLLATE ${collate}, LC_CTYPE ${ctype}` +
  (localeProvider === 'libc' ? '' : `, ${localeProvider} ${locale ?? ''}`);

/** Treats `en_US.UTF-8` and `en_US.utf8` as the same. */
const normalizeEncodingName = (text: string): string => text.toLowerCase().replace(/utf-?8/g, 'utf8');
