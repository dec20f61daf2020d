/**
 * Whether a failure means that this process may open too few files.
 *
 * The loader of Node.js opens all modules of a program at once. Where it may not, it says so, or takes a package for
 * missing: so the limit itself is asked as well, which costs nothing until something fails. Imports nothing, since
 * it is needed when nothing more can be read.
 */

/** What loading and running takes with room to spare: about 120 modules at once, then tables, sockets and streams. */
const ENOUGH_FILES = 512

/** How many files it may open, if that is what is wrong. */
export function tooFewFiles(thrown: unknown): string | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as NodeJS.ErrnoException
    const limit = code === 'EMFILE' || code === 'ERR_MODULE_NOT_FOUND' ? openFilesLimit() : undefined
    if (code === 'EMFILE') return `this process may open ${limit ?? 'no more'} files, which is too few`
    if (limit !== undefined && limit < ENOUGH_FILES)
      return `this process may open ${limit} files, which is too few`
  }
  return undefined
}

function openFilesLimit(): number | undefined {
  const report = process.report?.getReport() as
    | { userLimits?: { open_files?: { soft: number | string } } }
    | undefined
  const soft = Number(report?.userLimits?.open_files?.soft)
  return Number.isFinite(soft) ? soft : undefined
}
