/**
 * Plot asks, when it is loaded where there is no window, whether it is under test (whether there is an `it`), and moves
 * lines by half a pixel if it is. A window of high resolution, for as long as loading takes, gives the command and its
 * tests the same pictures. In a browser there is one already, and nothing is done.
 */
const scope = globalThis as { window?: unknown };
const none = scope.window === undefined;
if (none) scope.window = { devicePixelRatio: 2 };

/** To be called when Plot is loaded. */
export function loaded(): void {
  if (none) delete scope.window;
}
