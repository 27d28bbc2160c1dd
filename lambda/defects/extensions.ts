/** Extensions that are missed without a source that had them. Pure. */
import type { Catalogue } from '../audit/catalogue';
import { extensionOf } from '../audit/extension-functions';
import { path } from '../audit/names';

/** The extension that brings a function of this name, where neither it nor such a function is here. */
export function missingExtension({ extensions, functions }: Catalogue, name: string): string | null {
  const extension = extensionOf(name);
  return extension === null ||
    extensions.some((each) => each.name === extension) ||
    functions.some((each) => each.name === name)
    ? null
    : extension;
}

export const missingWords = (extension: string): string => `Extension ${path(extension)} is missing.`;
