/** Finds missing extensions without a source to compare with. Pure. */
import type { Catalog } from '../audit/catalog';
import { findExtensionOfFunction } from '../audit/extension-functions';
import { formatPath } from '../audit/names';

/**
 * Returns the extension that provides the function, or null if the extension is installed or another function has the
 * name.
 */
export function findMissingExtension({ extensions, functions }: Catalog, name: string): string | null {
  const extension = findExtensionOfFunction(name);
  return extension === null ||
    extensions.some((each) => each.name === extension) ||
    functions.some((each) => each.name === name)
    ? null
    : extension;
}

export const describeMissingExtension = (extension: string): string =>
  `Extension ${formatPath(extension)} is missing.`;
