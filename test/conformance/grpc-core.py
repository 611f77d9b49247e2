"""gRPC's implementation in C, by way of Python, as a server and as a client of `testing.proto`.

`serve` prints its port and serves until it is ended. `call ADDRESS` makes calls of all kinds, prints
the name of each case that went well, and fails with the first that did not.
"""

import sys
import time
from concurrent import futures

import grpc

protos, services = grpc.protos_and_services("testing.proto")
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]


class TestService(services.TestServiceServicer):
    def EmptyCall(self, request, context):
        return protos.Empty()

    def UnaryCall(self, request, context):
        echo(context)
        end_with(request.response_status, context)
        return protos.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        yield from responses(request, context)

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return protos.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo(context)
        for request in requests:
            end_with(request.response_status, context)
            yield from responses(request, context)


def responses(request, context):
    for parameters in request.response_parameters:
        until = time.monotonic() + parameters.interval_us / 1e6
        while context.is_active() and time.monotonic() < until:
            time.sleep(0.01)
        yield protos.StreamingOutputCallResponse(payload=payload(parameters.size))


def echo(context):
    for name, value in context.invocation_metadata():
        if name == "x-grpc-test-echo-initial":
            context.send_initial_metadata([(name, value)])
        elif name == "x-grpc-test-echo-trailing-bin":
            context.set_trailing_metadata([(name, value)])


def end_with(status, context):
    if status.code != 0:
        codes = {code.value[0]: code for code in grpc.StatusCode}
        context.abort(codes[status.code], status.message)


def payload(size):
    return protos.Payload(body=bytes(size))


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=UNLIMITED)
    services.add_TestServiceServicer_to_server(TestService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"serving on port {port}", flush=True)
    server.wait_for_termination()


def unary(stub):
    for up, down in [(0, 0), (271828, 314159), (3000000, 10000000)]:
        request = protos.SimpleRequest(payload=payload(up), response_size=down)
        assert len(stub.UnaryCall(request).payload.body) == down


def many_at_once(stub):
    requests = [protos.SimpleRequest(response_size=size) for size in range(500)]
    calls = [stub.UnaryCall.future(request) for request in requests]
    assert [len(call.result().payload.body) for call in calls] == list(range(500))


def long_upload(stub):
    requests = (protos.StreamingInputCallRequest(payload=payload(2000)) for _ in range(10000))
    assert stub.StreamingInputCall(requests).aggregated_payload_size == 20000000


def long_download(stub):
    parameters = [protos.ResponseParameters(size=2000)] * 10000
    request = protos.StreamingOutputCallRequest(response_parameters=parameters)
    received = [len(response.payload.body) for response in stub.StreamingOutputCall(request)]
    assert received == [2000] * 10000


def conversation(stub):
    sizes = [31415, 9, 2653, 58979] * 50
    requests = (
        protos.StreamingOutputCallRequest(
            response_parameters=[protos.ResponseParameters(size=size)], payload=payload(size)
        )
        for size in sizes
    )
    assert [len(one.payload.body) for one in stub.FullDuplexCall(requests)] == sizes
    assert list(stub.FullDuplexCall(iter([]))) == []


def metadata(stub):
    sent = [
        ("x-grpc-test-echo-initial", "value"),
        ("x-grpc-test-echo-trailing-bin", bytes(range(256))),
    ]
    _, call = stub.UnaryCall.with_call(protos.SimpleRequest(), metadata=sent)
    assert sent[0] in call.initial_metadata()
    assert sent[1] in call.trailing_metadata()


def status(stub):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    for code in [2, 5, 8, 10, 13, 14]:
        wanted = protos.EchoStatus(code=code, message=message)
        error = error_of(lambda: stub.UnaryCall(protos.SimpleRequest(response_status=wanted)))
        assert (error.code().value[0], error.details()) == (code, message)
    error = error_of(lambda: stub.UnimplementedCall(protos.Empty()))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def deadline(stub):
    parameters = [protos.ResponseParameters(size=1, interval_us=60000000)]
    request = protos.StreamingOutputCallRequest(response_parameters=parameters)
    error = error_of(lambda: list(stub.StreamingOutputCall(request, timeout=0.3)))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def cancelling(stub):
    parameters = [protos.ResponseParameters(size=size, interval_us=size * 60) for size in [1, 10**6]]
    call = stub.StreamingOutputCall(protos.StreamingOutputCallRequest(response_parameters=parameters))
    next(call)
    call.cancel()
    assert error_of(lambda: next(call)).code() == grpc.StatusCode.CANCELLED


def error_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("it ended well")


CASES = [unary, many_at_once, long_upload, long_download, conversation, metadata, status, deadline]


def call(address):
    with grpc.insecure_channel(address, options=UNLIMITED) as channel:
        stub = services.TestServiceStub(channel)
        for case in [*CASES, cancelling]:
            case(stub)
            print(case.__name__, flush=True)


if sys.argv[1] == "serve":
    serve()
else:
    call(sys.argv[2])
