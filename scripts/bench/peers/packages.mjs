/** Imports the packages of this folder: plain JavaScript, since an import is resolved from the file that it stands in. */
export const load = name => import(name)
