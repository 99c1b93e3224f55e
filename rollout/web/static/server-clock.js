// What time is it at the controller? A browser's clock may be wrong, and ages would be with it.

let skew = 0;

/** The controller has just said what time it is there. */
export function heard(iso) {
  skew = Date.now() - new Date(iso).getTime();
}

/** Its time now, in ms. */
export function now() {
  return Date.now() - skew;
}
