#include "node/cuda/graph.hpp"

#include <algorithm>
#include <utility>

#include "node/cuda/state.hpp"
#include "node/exports.hpp"

namespace jumpout::node {

namespace {

constexpr ArgumentNames kCaptureNames{"capture", {}};
constexpr ArgumentNames kLaunchNames{"launch", {{"stream", "stream"}}};

// capture(stream, body): the graph of what `body` enqueues. It ends here, and not in JavaScript, since a script that is
// terminated runs no `finally`. The body may destroy the stream.
double capture(const Call& call) {
  State& state = stateOf(call.env);
  const StreamPointer stream = state.stream(call.number(0, "stream"), "stream");
  napi_value undefined, result;
  check(napi_get_undefined(call.env, &undefined));
  if (!call.isFunction(1)) throw wrongType("a function", "body");
  state.captures.begin(stream);
  const napi_status called = napi_call_function(call.env, undefined, call.values[1], 0, nullptr, &result);
  GraphPointer graph;
  const jumpout_status ended = state.captures.end(stream, graph);
  check(called);  // the error of the body matters more
  require(ended, kCaptureNames);
  return state.graphs.add(std::move(graph));
}

// launch(graph, stream)
void launch(const Call& call) {
  State& state = stateOf(call.env);
  const double handle = call.number(0, "graph");
  const GraphPointer graph = state.graphs.get(handle, "a graph that was not freed", "launch", "a freed one");
  graph->launch(state.stream(call.number(1, "stream"), graph->device, "stream"));
}

void releaseGraph(const Call& call) { stateOf(call.env).graphs.remove(call.number(0, "graph")); }

}  // namespace

Kept::~Kept() {
  for (const napi_ref array : arrays) napi_delete_reference(env, array);
}

void Kept::keepArray(napi_value array) {
  napi_ref reference;
  check(napi_create_reference(env, array, 1, &reference));
  arrays.push_back(reference);
}

DeviceGraph::~DeviceGraph() { jumpout_cuda_graph_destroy(device, handle); }

void DeviceGraph::launch(const StreamPointer& stream) {
  if (stream->capturing()) throw failureOf(JUMPOUT_CAPTURING, "launch");
  if (std::find(launched.begin(), launched.end(), stream) == launched.end()) {
    for (const MemoryPointer& memory : kept.memories) memory->noteUse(stream);
    launched.push_back(stream);
  }
  require(jumpout_cuda_graph_launch(device, handle, stream->handle), kLaunchNames);
}

void Capture::add(const StreamPointer& stream) {
  streams.push_back(stream);
  stream->capture = this;
}

jumpout_status Capture::end() noexcept {
  for (const StreamPointer& stream : streams) stream->capture = nullptr;
  return jumpout_cuda_capture_end(graph->device, streams.front()->handle, &graph->handle);
}

void Captures::begin(const StreamPointer& stream) {
  if (stream->waiting > 0) {
    throw wrongState("no promise that waits for the stream", "capture", "one that has not settled");
  }
  if (stream->capture != nullptr) throw failureOf(JUMPOUT_CAPTURING, "capture");
  setupStream(stream->device);
  reaper_.settle();
  auto capture = std::make_unique<Capture>();
  capture->graph = std::make_shared<DeviceGraph>(env_, stream->device);
  capture->streams.push_back(stream);
  captures_.reserve(captures_.size() + 1);
  require(jumpout_cuda_capture_begin(stream->device, stream->handle), kCaptureNames);
  stream->capture = capture.get();
  captures_.push_back(std::move(capture));
}

jumpout_status Captures::end(const StreamPointer& stream, GraphPointer& graph) noexcept {
  const auto found = std::find_if(captures_.begin(), captures_.end(),
                                  [&](const auto& capture) { return capture->streams.front() == stream; });
  const std::unique_ptr<Capture> capture = std::move(*found);
  captures_.erase(found);
  graph = capture->graph;
  const jumpout_status status = capture->end();
  return status == JUMPOUT_OK ? setupStreams_[stream->device]->synchronize() : status;
}

void Captures::abandon() noexcept {
  for (const auto& capture : captures_) capture->end();
  captures_.clear();
}

const StreamPointer& Captures::setupStream(int32_t device) {
  StreamPointer& stream = setupStreams_[device];
  if (stream == nullptr) stream = makeStream(device);
  return stream;
}

void exportGraphs(const Exports& exports) {
  exports.add<capture>("capture");
  exports.add<launch>("launch");
  exports.add<releaseGraph>("releaseGraph");
}

}  // namespace jumpout::node
