/** Seeds that found something once, and what it was: they run whenever the others do. */
export const REGRESSIONS: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 14, found: 'what an interrupted commit made was told to nobody when a first recovery failed' },
  {
    seed: 22,
    found: 'a piece of a run that ended unsigned came without its proof, and its sender was blamed'
  }
]
