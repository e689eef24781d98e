/** `runtime/tools/tool-process.js` of an image: has stacks name the files and lines of the sources, then runs the tools. */
process.setSourceMapsEnabled(true)
await import('../runtime/tools/tool-process.ts')
