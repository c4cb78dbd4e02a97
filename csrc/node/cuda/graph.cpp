#include "node/cuda/graph.hpp"

#include <algorithm>
#include <utility>

#include "node/arrays.hpp"
#include "node/cuda/state.hpp"
#include "node/errors.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kCaptureNames{"capture", {}};
constexpr ArgumentNames kLaunchNames{"launch", {{"stream", "stream"}}};

napi_value captureBegin(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  State& state = stateOf(env);
  const StreamPointer stream = state.stream(numberOf(env, arguments.values[0], "stream"), "stream");
  state.beginCapture(stream);
  return nullptr;
}

// captureEnd(stream, keep): the graph, or undefined where it was not to be kept.
napi_value captureEnd(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  State& state = stateOf(env);
  const StreamPointer stream = state.stream(numberOf(env, arguments.values[0], "stream"), "stream");
  const bool keep = booleanOf(env, arguments.values[1], "keep");
  auto graph = state.endCapture(stream);
  return keep ? makeNumber(env, state.graphs.add(std::move(graph))) : nullptr;
}

napi_value launch(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  State& state = stateOf(env);
  const auto* graph = state.graphs.find(numberOf(env, arguments.values[0], "graph"));
  if (graph == nullptr) throw wrongValue("a graph that was not freed", "launch", "a freed one");
  const double stream = numberOf(env, arguments.values[1], "stream");
  (*graph)->launch(state.stream(stream, (*graph)->device, "stream"));
  return nullptr;
}

napi_value releaseGraph(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  stateOf(env).graphs.remove(numberOf(env, arguments.values[0], "graph"));
  return nullptr;
}

}  // namespace

DeviceGraph::~DeviceGraph() {
  jumpout_cuda_graph_destroy(device, handle);
  for (const napi_ref array : kept.arrays) napi_delete_reference(env, array);
}

void DeviceGraph::launch(const StreamPointer& stream) {
  if (stream->capturing()) throw failureOf(JUMPOUT_CAPTURING, "launch");
  if (std::find(launched.begin(), launched.end(), stream) == launched.end()) {
    for (const MemoryPointer& memory : kept.memories) memory->noteUse(stream);
    launched.push_back(stream);
  }
  require(jumpout_cuda_graph_launch(device, handle, stream->handle), kLaunchNames);
}

void State::beginCapture(const StreamPointer& stream) {
  if (stream->waiting > 0) {
    throw wrongState("no promise that waits for the stream", "capture", "one that has not settled");
  }
  if (stream->capture != nullptr) throw failureOf(JUMPOUT_CAPTURING, "capture");
  setupStream(stream->device);
  reaper->settle();
  auto capture = std::make_unique<Capture>();
  capture->streams.push_back(stream);
  captures_.reserve(captures_.size() + 1);
  require(jumpout_cuda_capture_begin(stream->device, stream->handle), kCaptureNames);
  stream->capture = capture.get();
  captures_.push_back(std::move(capture));
}

void State::joinCapture(const StreamPointer& stream, Capture& capture) {
  capture.streams.push_back(stream);
  stream->capture = &capture;
}

// The capture is over whatever happens.
std::shared_ptr<DeviceGraph> State::endCapture(const StreamPointer& stream) {
  const auto found = std::find_if(captures_.begin(), captures_.end(),
                                  [&](const auto& capture) { return capture->streams.front() == stream; });
  if (found == captures_.end()) throw wrongState("a capture that began here", "capture", "none");
  auto graph = std::make_shared<DeviceGraph>(env, stream->device);
  const std::unique_ptr<Capture> capture = std::move(*found);
  captures_.erase(found);
  for (const StreamPointer& one : capture->streams) one->capture = nullptr;
  graph->kept = std::move(capture->kept);
  const jumpout_status status = jumpout_cuda_capture_end(stream->device, stream->handle, &graph->handle);
  require(status, kCaptureNames);
  const StreamPointer& setup = setupStream(stream->device);
  require(jumpout_cuda_stream_synchronize(setup->device, setup->handle), kCaptureNames);
  return graph;
}

// For what has to happen at once while another stream is being captured.
const StreamPointer& State::setupStream(int32_t device) {
  const auto index = static_cast<size_t>(device);
  if (index >= setupStreams_.size()) setupStreams_.resize(index + 1);
  StreamPointer& stream = setupStreams_[index];
  if (stream == nullptr) {
    void* handle = nullptr;
    require(jumpout_cuda_stream_create(device, &handle), kNoNames);
    stream = std::make_shared<DeviceStream>(device, handle, true);
  }
  return stream;
}

void State::abandonCaptures() noexcept {
  for (const auto& capture : captures_) {
    const StreamPointer& stream = capture->streams.front();
    void* graph = nullptr;
    jumpout_cuda_capture_end(stream->device, stream->handle, &graph);
    jumpout_cuda_graph_destroy(stream->device, graph);
    for (const StreamPointer& one : capture->streams) one->capture = nullptr;
  }
  captures_.clear();
}

void defineGraphs(napi_env env, napi_value exports) {
  define<captureBegin>(env, exports, "captureBegin");
  define<captureEnd>(env, exports, "captureEnd");
  define<launch>(env, exports, "launch");
  define<releaseGraph>(env, exports, "releaseGraph");
}

}  // namespace jumpout::node
