/**
 * Fills what libp2p 3 uses and Node.js 20 lacks. Every entry of natter imports this file before anything else:
 * libp2p calls these while its modules load. On Node.js 22 and newer it changes nothing.
 *
 * `Promise.withResolvers` is the one that is missing on Node.js 20.19 (ECMAScript 2024, V8 11.9).
 */

if (typeof Promise.withResolvers !== 'function') {
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    writable: true,
    value: function withResolvers<T>(this: PromiseConstructor): PromiseWithResolvers<T> {
      let resolve!: PromiseWithResolvers<T>['resolve']
      let reject!: PromiseWithResolvers<T>['reject']
      // `this` and not `Promise`: subclasses get promises of their own kind.
      const promise = new this<T>((res, rej) => {
        resolve = res
        reject = rej
      })
      return { promise, resolve, reject }
    }
  })
}
