/*
 * A Modbus TCP server of libmodbus with a mood, given as its argument. Prints its port; ends when its standard input does. Holding register
 * n holds 1000 + n, input register n 2000 + n, coil and discrete input n whether n is odd; whatever else comes back is wrong.
 * With rtu and a serial port as arguments, unit 1 of a line of 115200 baud 8N1 in RTU, without moods.
 */
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { POINTS = 200, FUNCTION_AT = 7, COUNT_AT = 10 };

static int is(const char *mood, const char *name) { return strcmp(mood, name) == 0; }

/* What the mood does with a request: 0 nothing more, -1 end the connection. */
static int answer(modbus_t *modbus, const char *mood, modbus_mapping_t *points, const uint8_t *query, int length) {
  static int requests = 0;
  int function = query[FUNCTION_AT];
  int count = query[COUNT_AT] << 8 | query[COUNT_AT + 1];
  requests++;
  if (is(mood, "mute")) return 0;
  if (is(mood, "slow")) usleep(300000);
  if (is(mood, "late") && requests % 5 == 0) usleep(900000);
  if (is(mood, "busy") && requests % 3 == 0) {
    modbus_reply_exception(modbus, query, MODBUS_EXCEPTION_SLAVE_OR_SERVER_BUSY);
    return 0;
  }
  if (is(mood, "small") && (function == 3 || function == 4) && count > 16) {
    modbus_reply_exception(modbus, query, MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE);
    return 0;
  }
  /* Registers 50 to 59 are not there. */
  int address = query[8] << 8 | query[9];
  if (is(mood, "holes") && address < 60 && address + count > 50) {
    modbus_reply_exception(modbus, query, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS);
    return 0;
  }
  if (modbus_reply(modbus, query, length, points) < 0) return -1;
  return is(mood, "hasty") && requests % 4 == 0 ? -1 : 0;
}

/* One unit on a serial line. Answers until the line or the standard input ends. */
static int serve_line(const char *path, modbus_mapping_t *points) {
  modbus_t *line = modbus_new_rtu(path, 115200, 'N', 8, 1);
  if (line == NULL || modbus_set_slave(line, 1) < 0 || modbus_connect(line) < 0) {
    fprintf(stderr, "%s: %s\n", path, modbus_strerror(errno));
    return 1;
  }
  printf("1\n");
  fflush(stdout);
  for (;;) {
    fd_set ready;
    int port = modbus_get_socket(line);
    FD_ZERO(&ready);
    FD_SET(STDIN_FILENO, &ready);
    FD_SET(port, &ready);
    if (select(port + 1, &ready, NULL, NULL, NULL) < 0 || FD_ISSET(STDIN_FILENO, &ready)) return 0;
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    int length = modbus_receive(line, query);
    if (length > 0) modbus_reply(line, query, length, points);
  }
}

int main(int argc, char **argv) {
  const char *mood = argc > 1 ? argv[1] : "plain";
  modbus_t *modbus = modbus_new_tcp("127.0.0.1", 0);
  modbus_mapping_t *points = modbus_mapping_new(POINTS, POINTS, POINTS, POINTS);
  for (int n = 0; n < POINTS; n++) {
    points->tab_registers[n] = 1000 + n;
    points->tab_input_registers[n] = 2000 + n;
    points->tab_bits[n] = points->tab_input_bits[n] = n % 2;
  }
  if (is(mood, "rtu") && argc > 2) return serve_line(argv[2], points);
  int listener = modbus_tcp_listen(modbus, 8);
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  if (listener < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    perror("listen");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  fd_set open;
  FD_ZERO(&open);
  FD_SET(STDIN_FILENO, &open);
  FD_SET(listener, &open);
  int highest = listener;
  for (;;) {
    fd_set ready = open;
    if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) return 1;
    for (int fd = 0; fd <= highest; fd++) {
      if (!FD_ISSET(fd, &ready)) continue;
      if (fd == STDIN_FILENO) {
        char line[64];
        if (read(fd, line, sizeof line) <= 0) return 0;
      } else if (fd == listener) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        FD_SET(client, &open);
        if (client > highest) highest = client;
      } else {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        modbus_set_socket(modbus, fd);
        int length = modbus_receive(modbus, query);
        if (length < 0 || (length > 0 && answer(modbus, mood, points, query, length) < 0)) {
          close(fd);
          FD_CLR(fd, &open);
        }
      }
    }
  }
}
