'use strict'
// The platform packages: what npm chooses them by, and what they are built for.
module.exports = [
  { name: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc', zig: 'x86_64-linux-gnu.2.17', cuda: true },
  { name: 'linux-x64-musl', os: 'linux', cpu: 'x64', libc: 'musl', zig: 'x86_64-linux-musl' },
  { name: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc', zig: 'aarch64-linux-gnu.2.17' },
  { name: 'linux-arm64-musl', os: 'linux', cpu: 'arm64', libc: 'musl', zig: 'aarch64-linux-musl' },
  { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64', zig: 'aarch64-macos.11.0' },
  { name: 'darwin-x64', os: 'darwin', cpu: 'x64', zig: 'x86_64-macos.11.0' },
  { name: 'win32-x64', os: 'win32', cpu: 'x64', zig: 'x86_64-windows-gnu' },
]
