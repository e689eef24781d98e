# syntax=docker/dockerfile:1
# Two images: the gateway (docker build .), and with --target demo the gateway with the embedded simulator, which needs no
# upstream.
# One base for all stages, by digest: the same bytes on every build. glibc, because uWebSockets.js comes as a
# native module for glibc; 22, because that module is for the Node it was built for. Written out here, as
# Dependabot does not look into an argument (dependabot/dependabot-core#2057).
FROM node:22.23.3-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c AS base

# The packages of the gateway and of tracing, without those of the other workspaces; the native ones for this platform; and
# the list of them. With `--omit=dev`, `npm sbom` leaves out what is needed for development too, such as ws.
FROM base AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY demo/package.json demo/
COPY tracing/package.json tracing/
COPY web/package.json web/
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --workspace=tracing --include-workspace-root --no-audit --no-fund \
 && node --eval "require('uWebSockets.js')" \
 && npm pkg delete devDependencies && npm pkg set --json 'workspaces=["tracing"]' \
 && npm sbom --sbom-format=cyclonedx > sbom.cdx.json

# The packages of the demo image: the gateway's and the simulator's.
FROM base AS demo-packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY demo/package.json demo/
COPY tracing/package.json tracing/
COPY web/package.json web/
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --workspace=demo --workspace=tracing --include-workspace-root --no-audit --no-fund \
 && node --eval "require('uWebSockets.js')" \
 && npm pkg delete devDependencies && npm pkg set --json 'workspaces=["demo","tracing"]' \
 && npm sbom --sbom-format=cyclonedx > sbom.cdx.json

# What builds pages and code, on the machine's own platform: they are the same for every platform, and to emulate another one,
# as on Apple Silicon, takes many times as long. The base once more, as a stage has one platform.
FROM --platform=$BUILDPLATFORM node:22.23.3-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY demo/package.json demo/
COPY tracing/package.json tracing/
COPY web/package.json web/
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --workspace=web --include-workspace-root --no-audit --no-fund
COPY runtime runtime

FROM build AS pages
COPY tsconfig.json vite.config.ts ./
COPY web web
RUN node node_modules/vite/bin/vite.js build

# The gateway's code, bundled with the packages that each start loads: a start from more than 500 files takes a half longer.
FROM build AS code
COPY image image
RUN node --no-warnings image/bundle-runtime.ts .

# The same without the simulator.
FROM code AS plain-code
RUN rm -r runtime/simulator

# The assistants, with the packages of their own that some have. They are a part of the image: a revision has the versions
# that it was made with.
FROM base AS assistants
WORKDIR /app
COPY assistants assistants
RUN --mount=type=cache,target=/root/.npm \
  if [ -f assistants/package.json ]; then npm ci --prefix assistants --omit=dev --no-audit --no-fund; fi

# What both images have.
FROM base AS frame
LABEL org.opencontainers.image.title="realtime-gateway" \
      org.opencontainers.image.description="A gateway between people and the Realtime API of Azure OpenAI and OpenAI" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/node:22.23.3-bookworm-slim"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
# glibc keeps what was freed, up to twice what a replica may use once large buffers have come and gone, and a replica that
# is over its budget takes no sessions: buffers of 1 MiB are mapped each by itself, and beyond 8 MiB free memory goes back.
ENV MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_TRIM_THRESHOLD_=8388608
WORKDIR /app
# Owned by root, run by another: the process cannot change its own code, and writes nowhere.
COPY --from=pages /app/web/dist web/dist
COPY --from=assistants /app/assistants assistants
COPY --from=code /app/package.json ./
COPY LICENSE ./
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
# For Docker and Compose; Container Apps has probes of its own. Without a shell, so that none is needed. By TLS where the
# port serves it: the certificate is for another name than the loopback address.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "--eval", "require(process.env.TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/healthz', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# node itself is process 1: a shell or npm in its place would swallow SIGTERM, and every socket with it.
# V8 begins with a young generation of 1 MB and collects it a hundred times a second under load; of 8 MB, an event costs a
# tenth less.
ENTRYPOINT ["node", "--use-env-proxy", "--min-semi-space-size=8", "runtime/main.js"]

FROM frame AS demo
COPY --from=demo-packages /app/node_modules node_modules
COPY --from=demo-packages /app/sbom.cdx.json ./
COPY --from=code /app/runtime runtime

FROM frame
COPY --from=packages /app/node_modules node_modules
COPY --from=packages /app/sbom.cdx.json ./
COPY --from=plain-code /app/runtime runtime
