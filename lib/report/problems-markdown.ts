/** Files that do not compile, for the page of a pull request. */
import type { Problem } from '../compiler/problem';
import { block, code, fitting, prose } from './markdown';

const LONGEST_SNIPPET = 500;

export function problemsMarkdown(folder: string | null, problems: readonly Problem[]): string {
  const head = [
    `## Trueup: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${folder === null ? 'the migrations' : code(folder)}`,
    'Nothing can be planned before that is corrected.',
  ];
  return fitting(head.join('\n\n'), problems.map(itemOf), {
    many: (rest) => `${rest} more ${rest === 1 ? 'has' : 'have'} no room here`,
    command: 'trueup check',
  });
}

function itemOf({ file, line, column, message, remedy, snippet }: Problem): string {
  const place = [file, line, column].filter((part) => part !== null && part !== '').join(':');
  const head = `- ${place === '' ? '' : `${code(place)}: `}${prose(message)}. ${prose(remedy)}`;
  return snippet === '' ? head : `${head}\n\n${indented(block(snippet, '', LONGEST_SNIPPET))}`;
}

const indented = (text: string): string => text.replace(/^/gm, '  ');
