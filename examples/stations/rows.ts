/** Four weather stations; what is known of one is nested, and which sensors it has differs from one to the next. */
export const stations = `
  SELECT id, name, opened,
         {'position': {'lat': lat, 'lon': lon}, 'sensors': sensors} AS details
  FROM (VALUES
    ('S-1', 'Harbour', DATE '2019-04-01', 53.54, 9.97, MAP {'wind': 'ultrasonic', 'tide': 'radar'}),
    ('S-2', 'Airfield', DATE '2021-09-15', 53.63, 9.99, MAP {'wind': 'cup', 'cloud': 'lidar', 'rain': 'tipping bucket'}),
    ('S-3', 'Orchard', DATE '2024-02-29', 53.52, 9.75, MAP {'soil': 'capacitive'}),
    ('S-4', 'Lighthouse', DATE '2025-11-30', 53.95, 8.66, MAP {})
  ) AS station(id, name, opened, lat, lon, sensors)`;
