/** `runtime/main.js` of an image: has stacks name the files and lines of the sources, then starts the gateway. */
process.setSourceMapsEnabled(true)
await import('../runtime/main.ts')
